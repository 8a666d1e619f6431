CREATE OR REPLACE TEMP MACRO iou(ax, ay, aw, ah, bx, b_y, bw, bh) AS (
    -- Worked out in double precision: a box overlaps itself by 1.
    (greatest(0, least(ax::DOUBLE + aw, bx::DOUBLE + bw) - greatest(ax, bx)::DOUBLE)
        * greatest(0, least(ay::DOUBLE + ah, b_y::DOUBLE + bh) - greatest(ay, b_y)::DOUBLE))
    / nullif(
        aw::DOUBLE * ah + bw::DOUBLE * bh
        - greatest(0, least(ax::DOUBLE + aw, bx::DOUBLE + bw) - greatest(ax, bx)::DOUBLE)
        * greatest(0, least(ay::DOUBLE + ah, b_y::DOUBLE + bh) - greatest(ay, b_y)::DOUBLE),
        0
    )
);
