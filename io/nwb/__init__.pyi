from eventsim.io.nwb.reading import is_nwb as is_nwb
from eventsim.io.nwb.reading import read as read
