"""The dead letters of a model, for a person: `commands` lists, shows, replays and purges; `report` is their text."""
