-- The breaks of the table `silences`, with their days.
SELECT
    station, first_day::VARCHAR AS first_day, last_day::VARCHAR AS last_day,
    (last_day - first_day + 1)::INTEGER AS days
FROM silences
ORDER BY lower(station), station, silences.first_day;
