"""What other packages cimport from here."""

from eventsim.population.population cimport (
    Arrival, OutputFilter, Population, PrivateSource, Recording, SpikeSink, SynapseGroup,
    group_target, group_weight, receive_input,
)
