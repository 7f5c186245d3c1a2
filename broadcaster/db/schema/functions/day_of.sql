-- The day that a text begins with, as the number 20261123; null: it begins with none. A year of two digits is one of
-- this century. domain/written_days.py reads the same, and lists the months.
CREATE FUNCTION day_of(written text, day_first boolean) RETURNS integer LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    months CONSTANT jsonb := '{
        "jan": 1, "january": 1, "januari": 1, "feb": 2, "february": 2, "februari": 2, "mar": 3, "march": 3, "maret": 3,
        "apr": 4, "april": 4, "may": 5, "mei": 5, "jun": 6, "june": 6, "juni": 6, "jul": 7, "july": 7, "juli": 7,
        "aug": 8, "august": 8, "agu": 8, "agt": 8, "ags": 8, "agustus": 8, "sep": 9, "sept": 9, "september": 9,
        "oct": 10, "october": 10, "okt": 10, "oktober": 10, "nov": 11, "november": 11, "nopember": 11,
        "dec": 12, "december": 12, "des": 12, "desember": 12
    }';
    parts text[];
    year integer;
    month integer;
    day integer;
BEGIN
    IF written ~ '^[0-9]' THEN
        parts := regexp_match(written, '^([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:$|[T ,])');
        IF parts IS NOT NULL THEN
            year := parts[1];
            month := parts[2];
            day := parts[3];
        ELSE
            parts := regexp_match(written, '^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4}|[0-9]{2})(?:$|[T ,])');
            IF parts IS NOT NULL THEN
                year := parts[3]::integer + CASE length(parts[3]) WHEN 2 THEN 2000 ELSE 0 END;
                month := parts[CASE WHEN day_first THEN 2 ELSE 1 END];
                day := parts[CASE WHEN day_first THEN 1 ELSE 2 END];
            END IF;
        END IF;
    END IF;
    IF parts IS NULL AND written ~ '^[A-Za-z0-9''].*[-/ ][0-9]{4}' THEN
        parts := regexp_match(
            written,
            '^(?:[A-Za-z'']+[.,]? +)?([0-9]{1,2})(?:st|nd|rd|th|[.])?[-/ ]+([A-Za-z]+)[.,]?[-/ ]+([0-9]{4})(?:$|[T ,])'
        );
        IF parts IS NULL THEN
            parts := regexp_match(
                written, '^(?:[A-Za-z'']+[.,]? +)?([A-Za-z]+)[.]? +([0-9]{1,2})(?:st|nd|rd|th)?,? +([0-9]{4})(?:$|[T ,])'
            );
            parts := ARRAY[parts[2], parts[1], parts[3]];
        END IF;
        day := parts[1];
        month := months ->> lower(parts[2]);
        year := parts[3];
    END IF;
    IF month BETWEEN 1 AND 12 AND day BETWEEN 1 AND 31 THEN
        RETURN year * 10000 + month * 100 + day;
    END IF;
    RETURN NULL;
END
$$;
