-- The day that a text (a `plain_value`) is, as the number 20261123, whatever time stands after it; null: it is none. A year
-- of two digits is one of this century. domain/written_days.py reads the same, and lists the months and weekdays.
CREATE FUNCTION day_of(written text, day_first boolean) RETURNS integer LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    months CONSTANT jsonb := '{
        "jan": 1, "january": 1, "januari": 1, "januar": 1, "jänner": 1, "janvier": 1, "janv": 1, "enero": 1, "ene": 1,
        "janeiro": 1, "gennaio": 1, "gen": 1, "feb": 2, "february": 2, "februari": 2, "pebruari": 2, "februar": 2,
        "février": 2, "fevrier": 2, "févr": 2, "febrero": 2, "fevereiro": 2, "fev": 2, "febbraio": 2, "mar": 3,
        "march": 3, "maret": 3, "mac": 3, "märz": 3, "maerz": 3, "mars": 3, "marzo": 3, "março": 3, "marco": 3,
        "maart": 3, "mrt": 3, "apr": 4, "april": 4, "avril": 4, "avr": 4, "abril": 4, "abr": 4, "aprile": 4, "may": 5,
        "mei": 5, "mai": 5, "mayo": 5, "maio": 5, "maggio": 5, "mag": 5, "jun": 6, "june": 6, "juni": 6, "juin": 6,
        "junio": 6, "junho": 6, "giugno": 6, "giu": 6, "jul": 7, "july": 7, "juli": 7, "julai": 7, "juillet": 7,
        "juil": 7, "julio": 7, "julho": 7, "luglio": 7, "lug": 7, "aug": 8, "august": 8, "agu": 8, "agt": 8, "ags": 8,
        "agustus": 8, "ogos": 8, "août": 8, "aout": 8, "agosto": 8, "ago": 8, "augustus": 8, "sep": 9, "sept": 9,
        "september": 9, "septembre": 9, "septiembre": 9, "setiembre": 9, "setembro": 9, "set": 9, "settembre": 9,
        "oct": 10, "october": 10, "okt": 10, "oktober": 10, "octobre": 10, "octubre": 10, "outubro": 10, "out": 10,
        "ottobre": 10, "ott": 10, "nov": 11, "november": 11, "nopember": 11, "novembre": 11, "noviembre": 11,
        "novembro": 11, "dec": 12, "december": 12, "des": 12, "desember": 12, "disember": 12, "dez": 12, "dezember":
        12, "décembre": 12, "decembre": 12, "déc": 12, "diciembre": 12, "dic": 12, "dezembro": 12, "dicembre": 12
    }';
    weekday CONSTANT text :=
        '^(?:mon|monday|tue|tues|tuesday|wed|wednesday|thu|thur|thurs|thursday|fri|friday|sat|saturday|sun|'
        'sunday|senin|sen|selasa|sel|rabu|rab|kamis|kam|jumat|jum''at|jum|sabtu|sab|minggu|min|ahad|isnin|'
        'isn|khamis|kha|jumaat|aha|montag|mo|dienstag|di|mittwoch|mi|donnerstag|do|freitag|fr|samstag|sa|'
        'sonnabend|sonntag|so|lundi|lun|mardi|mar|mercredi|mer|jeudi|jeu|vendredi|ven|samedi|sam|dimanche|'
        'dim|lunes|martes|miércoles|miercoles|mié|mie|jueves|jue|viernes|vie|sábado|sabado|sáb|domingo|dom|'
        'segunda-feira|segunda|seg|terça-feira|terça|terca|ter|quarta-feira|quarta|qua|quinta-feira|quinta|'
        'qui|sexta-feira|sexta|sex|lunedì|lunedi|martedì|martedi|mercoledì|mercoledi|giovedì|giovedi|gio|'
        'venerdì|venerdi|sabato|domenica|maandag|ma|dinsdag|woensdag|wo|donderdag|vrijdag|vr|zaterdag|za|'
        'zondag|zo)[.,]? +(?![0-9]{1,2}(?:st|nd|rd|th)?,? +[0-9]{4})';
    -- A time of the day, with its zone.
    after CONSTANT text := '(?:(?:,? +(?:(?:at|pukul|jam) )?|T)[0-9]{1,2}(?:[:.h][0-9]{2}(?:[:.][0-9]{2}(?:[.,][0-9]+)?)?)?'
        '(?: ?[AaPp][.]?[Mm][.]?)?(?: ?(?:[A-Z]{1,5}|[+-][0-9]{2}:?[0-9]{2}))?)?$';
    parts text[];
    year integer;
    month integer;
    day integer;
BEGIN
    IF written !~ '[0-9]' THEN
        RETURN NULL;
    END IF;
    IF written !~ '^[0-9]' THEN
        written := regexp_replace(written, weekday, '', 'i');
    END IF;
    parts := regexp_match(written, '^([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})' || after);
    IF parts IS NOT NULL THEN
        year := parts[1];
        month := parts[2];
        day := parts[3];
    END IF;
    IF parts IS NULL THEN
        parts := regexp_match(written, '^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4}|[0-9]{2})' || after);
        year := parts[3]::integer + CASE length(parts[3]) WHEN 2 THEN 2000 ELSE 0 END;
        month := parts[CASE WHEN day_first THEN 2 ELSE 1 END];
        day := parts[CASE WHEN day_first THEN 1 ELSE 2 END];
    END IF;
    IF parts IS NULL THEN
        parts := regexp_match(
            written,
            '^([0-9]{1,2})(?:st|nd|rd|th|[.])?[-/ ]+(?:de )?([^-0-9 .,/]+)[.,]?[-/ ]+(?:de )?([0-9]{4})' || after
        );
        day := parts[1];
        month := months ->> lower(parts[2]);
        year := parts[3];
    END IF;
    IF parts IS NULL THEN
        parts := regexp_match(
            written, '^([^-0-9 .,/]+)[.]? +([0-9]{1,2})(?:st|nd|rd|th)?,? +([0-9]{4})' || after
        );
        month := months ->> lower(parts[1]);
        day := parts[2];
        year := parts[3];
    END IF;
    IF month BETWEEN 1 AND 12 AND day BETWEEN 1 AND 31 THEN
        RETURN year * 10000 + month * 100 + day;
    END IF;
    RETURN NULL;
END
$$;
