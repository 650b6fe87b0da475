"""The command `dead` for operators: `commands` lists, shows, replays and purges; `report` formats the output."""
