WITH RECURSIVE
{query:station_now}
