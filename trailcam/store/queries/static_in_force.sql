-- A part of WITH: the answers on static places that are in force: not undone, and after the last in force that
-- said "an animal", that one included.
static_in_force AS (
    SELECT answer_id, place_id, is_thing, automatic, author, made_at, uid
    FROM (
        SELECT *, max(answer_id) FILTER (NOT is_thing) OVER (PARTITION BY place_id) AS last_animal
        FROM static_answers
        WHERE undone_at IS NULL
    )
    WHERE answer_id >= coalesce(last_animal, 0)
)
