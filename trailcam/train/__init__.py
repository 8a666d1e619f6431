"""A model of one's own: ultralytics' training, from the starter or any YOLO model, with sane defaults."""
