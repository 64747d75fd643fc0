from eventsim.io.export.frames import to_pandas as to_pandas
from eventsim.io.export.frames import to_xarray as to_xarray
from eventsim.io.export.from_neo import from_neo as from_neo
from eventsim.io.export.neo import to_neo as to_neo
from eventsim.io.export.nwb import to_nwb as to_nwb
from eventsim.io.export.sonata import to_sonata as to_sonata
from eventsim.io.export.tables import to_csv as to_csv
from eventsim.io.nir.writing import to_nir as to_nir
