"""auth0-python 6, its management part. It demands of every answer what the types of the SDK demand."""

import unittest

from auth0_management import CALLS, HTTPS_ONLY
from auth0_management_actions import Actions
from auth0_management_applications import Applications
from auth0_management_people import Afterwards, People
from auth0_management_tenant import Jobs, Refusals, Tenant


@HTTPS_ONLY
class Everything(unittest.TestCase):
    """After the others"""

    def test_no_operation_of_the_server_was_left_out(self):
        self.assertEqual(CALLS.missing(), [])


def load_tests(loader, _tests, _pattern):
    """In this order: what was called is known in the end."""
    kinds = [Applications, People, Afterwards, Jobs, Tenant, Actions, Refusals, Everything]
    return unittest.TestSuite(loader.loadTestsFromTestCase(kind) for kind in kinds)
