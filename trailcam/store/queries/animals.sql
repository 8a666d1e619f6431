-- animals: what the boxes of a photo and class are by their visit, of the registered tables `joined` and `called`. Boxes of
-- one class on one photo share their fate. It joins with the view `counted` by image_id, run_id and class_id.
CREATE TEMP TABLE animals AS
SELECT
    b.image_id, said.run_id, said.class_id, nullif(any_value(b.visit), 0) AS visit,
    any_value(shown.class) AS class, any_value(shown.kind) AS kind, any_value(shown.age_class) AS age_class,
    any_value(shown.species) AS species, bool_and(b.said = b.shown) AS agrees
FROM joined b
JOIN called said ON said.place = b.said
JOIN called shown ON shown.place = b.shown
GROUP BY b.image_id, said.run_id, said.class_id;
