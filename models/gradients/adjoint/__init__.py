"""The adjoint pass of any neuron that gives its flow: several spikes, loops, delays of every kind."""
