import importlib

client = importlib.import_module("conveyor_client.http")
