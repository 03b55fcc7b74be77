#!/bin/sh
# Starts a node under the container's own address: the one that other nodes, and whoever publishes the port, reach it by.
# An address cannot stand in the image, and 0.0.0.0 is none that a node could tell the others. A later --listen wins.
address=${DOS_LISTEN:-$(hostname -i 2>/dev/null | cut -d' ' -f1)}
exec "$DOS_NODE" --listen "${address:-127.0.0.1}" "$@"
