"""What other packages cimport from here."""

from eventsim.engine.engine cimport Engine, Handler, PythonHandler
from eventsim.queue.queue cimport Event
