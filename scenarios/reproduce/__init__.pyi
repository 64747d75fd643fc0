from eventsim.scenarios.reproduce.kept import read_kept as read_kept
from eventsim.scenarios.reproduce.measuring import Reproduction as Reproduction
from eventsim.scenarios.reproduce.measuring import reproduce as reproduce
from eventsim.scenarios.reproduce.published import Paper as Paper
from eventsim.scenarios.reproduce.published import Row as Row
from eventsim.scenarios.reproduce.published import paper_of as paper_of
from eventsim.scenarios.reproduce.published import papers as papers
