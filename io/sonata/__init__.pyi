from eventsim.io.sonata.circuits import read_circuit as read_circuit
from eventsim.io.sonata.recordings import is_recording as is_recording
from eventsim.io.sonata.recordings import read as read
from eventsim.io.sonata.writing import write_circuit as write_circuit
