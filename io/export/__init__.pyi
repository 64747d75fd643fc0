from eventsim.io.export.neo import to_neo as to_neo
