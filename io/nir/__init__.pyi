from eventsim.io.nir.reading import read_nir as read_nir
from eventsim.io.nir.writing import to_nir as to_nir
