-- The nights of the view `selected`, each by the day that begins in it. The calendar's last night has no such day.
SELECT DISTINCT least(CAST(captured_at + INTERVAL 12 HOUR AS DATE), DATE '9999-12-31') AS night
FROM selected
WHERE captured_at IS NOT NULL
