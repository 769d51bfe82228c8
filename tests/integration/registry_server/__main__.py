"""See __init__.py."""
import threading

from registry_server import Registry, shell_layer

registry = Registry()
registry.image("t/box", "1", [shell_layer()])
print(registry.port, flush=True)
threading.Event().wait()
