from eventsim.engine.engine import Engine as Engine
from eventsim.engine.engine import Event as Event
from eventsim.engine.engine import Handler as Handler
from eventsim.engine.engine import PythonHandler as PythonHandler
from eventsim.engine.priorities import Priority as Priority
from eventsim.engine.reference import ReferenceEngine as ReferenceEngine
