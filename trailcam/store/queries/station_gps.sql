-- What the GPS of photos says of their stations: the middle (medians), and how far from it nine in ten lie, in
-- metres on a sphere, flat around that middle (a degree of latitude is 111,195 m).
WITH told AS (
    SELECT station_id, latitude, longitude
    FROM images
    WHERE latitude IS NOT NULL AND longitude IS NOT NULL AND status <> 'missing' AND duplicate_of IS NULL
),
middles AS (
    SELECT station_id, median(latitude) AS lat, median(longitude) AS lon FROM told GROUP BY station_id
)
SELECT
    station_id,
    count(*) AS gps_photos, any_value(lat) AS gps_latitude, any_value(lon) AS gps_longitude,
    quantile_cont(
        111195 * sqrt((latitude - lat) ** 2 + ((longitude - lon) * cos(radians(lat))) ** 2), 0.9
    ) AS gps_spread_m
FROM told
JOIN middles USING (station_id)
GROUP BY station_id;
