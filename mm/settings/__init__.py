"""The config file: models, loader, plan of a change. Nothing below this layer sees a config file."""
