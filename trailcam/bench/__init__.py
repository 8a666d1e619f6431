"""How fast this machine can go, stage by stage, and the settings that suit it."""
