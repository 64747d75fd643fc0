from eventsim.hardware.remote.remote_hardware import RemoteHardware as RemoteHardware
from eventsim.hardware.remote.remote_target import RemoteTarget as RemoteTarget
from eventsim.hardware.remote.serve import TargetServer as TargetServer
