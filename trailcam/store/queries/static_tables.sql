-- Places with static boxes, what people said of them, and excluded areas; store/static_rows.py has the rules.
--
-- static_places: what the last search found of each. waiting: photos with a box there that no answer covers.
-- static_answers: whether a thing is there, or an animal. automatic: no person said so, the configuration did.
-- static_boxes: the photos that an answer covers. static_areas.points: x and y of each corner by turns, 0..1 of the
-- upright photo. A uid names an answer in the file it came from. Nothing that was said is ever deleted.
CREATE TABLE static_places (
    place_id INTEGER NOT NULL, station_id INTEGER NOT NULL, camera VARCHAR NOT NULL,
    x REAL NOT NULL, y REAL NOT NULL, w REAL NOT NULL, h REAL NOT NULL,
    photos INTEGER NOT NULL, days INTEGER NOT NULL, is_sure BOOLEAN NOT NULL,
    waiting INTEGER NOT NULL, waiting_since TIMESTAMP
);
CREATE TABLE static_answers (
    answer_id INTEGER NOT NULL, place_id INTEGER NOT NULL, is_thing BOOLEAN NOT NULL, automatic BOOLEAN NOT NULL,
    author VARCHAR NOT NULL, uid VARCHAR, made_at TIMESTAMP NOT NULL, recorded_at TIMESTAMP NOT NULL,
    undone_at TIMESTAMP, undone_by VARCHAR
);
CREATE TABLE static_boxes (answer_id INTEGER NOT NULL, image_id BIGINT NOT NULL);
CREATE TABLE static_areas (
    area_id INTEGER NOT NULL, station_id INTEGER NOT NULL, points DOUBLE[] NOT NULL,
    author VARCHAR NOT NULL, uid VARCHAR, made_at TIMESTAMP NOT NULL, recorded_at TIMESTAMP NOT NULL,
    undone_at TIMESTAMP, undone_by VARCHAR
);
