from eventsim.io.report import blocks as blocks
from eventsim.io.report import charts as charts
from eventsim.io.report import page as page
from eventsim.io.report import rasters as rasters
from eventsim.io.report import spike_blocks as spike_blocks
from eventsim.io.report.page import Page as Page
