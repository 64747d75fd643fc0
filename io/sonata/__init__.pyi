from eventsim.io.sonata.recordings import is_recording as is_recording
from eventsim.io.sonata.recordings import read as read
