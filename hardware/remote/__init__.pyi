from eventsim.hardware.remote.remote_hardware import BehindAddress as BehindAddress
from eventsim.hardware.remote.remote_target import RemoteTarget as RemoteTarget
from eventsim.hardware.remote.serve import TargetServer as TargetServer
