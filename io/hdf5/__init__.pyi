from eventsim.io.hdf5.reading import is_complete as is_complete
from eventsim.io.hdf5.reading import load as load
from eventsim.io.hdf5.writing import TraceFile as TraceFile
from eventsim.io.hdf5.writing import save as save
