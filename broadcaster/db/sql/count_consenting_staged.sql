SELECT /* count_consenting_staged */ count(DISTINCT phone) FROM staged_consents
