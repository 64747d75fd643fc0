from eventsim.simulation.simulation import Simulation as Simulation
