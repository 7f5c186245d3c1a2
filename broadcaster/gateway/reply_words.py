"""The words of replies: one regular expression for each thing that a gateway of this family says.

The searched text is in lower case, with `_` and runs of blanks as one blank. It is searched again without accents,
with `n't` as ` not` and joinedWords split: so write patterns without accents. A pattern must be sure whom the words
are about. Taking a lane's trouble for a recipient's fails every message; the opposite stops every message. If a text
may mean either, no pattern should match: the run of such refusals then shows whose trouble it is.

In the tables each line is one alternative, and a line that is indented further continues it. ` ~ ` stands for at most
forty characters of the same sentence. Words in capitals stand for the patterns of `_NAMES`.
"""

from __future__ import annotations

import re

_CONTINUED = re.compile(r"\n {8,}")
_NAMES = {
    "WHATSAPP": r"\b(whats ?app|wa|zap)\b(?! (session|connection|instance|client|device|socket|web|access|conn))",
    "RECIPIENT": r"\b(recipient|receiver|addressee|destination|customer|penerima|tujuan|destinatari\w+|empfanger\w*"
    r"|alici\w*|destinataire|получател\w*)\b",
    "NUMBER": r"\b(number|recipient|receiver|addressee|destination|jid|wid|msisdn)\b",
    "KEY": r"\b(keys?|apikeys?|tokens?|passwords?|credentials?|secret|signature)\b",
    "CREDIT": r"\b(credits?|balance|quota|quote|funds|points|allowance|wallet)\b",
    "CONTRACT": r"\b(subscription|trial|licen[cs]e|plan|account|pack|package|membership|contract)\b",
    "SENDING": r"\b(instance|session|device|bot|client|sender|channel|engine|socket|browser|whatsapp web)\b",
    "SIZE": r"\d{1,9} ?([kmg]i?b|bytes?|octets?|char(acter)?s?|caracter\w*|karakter|zeichen|символ\w*|байт\w*|мб)\b",
    "SPAN": r"(second|sec|minute|min|hour|day|s|m|h|menit|jam|hari|minuto|hora|dia|detik)\b",
}


def table(lines: str, *, but: str = "") -> str:
    """The pattern of a table. A text that also contains `but` does not match."""
    lines = _CONTINUED.sub("", lines).replace(" ~ ", r"\b[^;.!?]{0,40}\b").replace(r"\S", r"[^\s;]")
    pattern = "|".join(line.strip() for line in lines.strip().splitlines())
    for name, meaning in _NAMES.items():
        pattern, but = pattern.replace(name, meaning), but.replace(name, meaning)
    return f"^(?!.*?({but})).*?({pattern})" if but else pattern


# Words about the account and not the recipient, whatever else is said.
_SENDER = "|".join(
    (
        r"\b(instances?|sessions?|devices?|bots?|sender|tokens?|api ?keys?|credentials?|passwords?|subscription)\b",
        r"\b(your (\S+ )?(number|phone|account|whatsapp)|you (are|have|must|need|do|did))\b",
        r"\b(perangkat|sesi|pengirim|(anda|kamu) (belum|tidak)|(nomor|akun) (anda|kamu))\b",
        r"\b(instancia|sessao|sesion|dispositivo|aparelho|conexao|conexion|remetente|remitente|senha)\b",
        r"\b(credencia\w+|(tu|su|seu) (numero|cuenta)|instanz|sitzung|gerat|absender\w*|passwort|ihre? nummer)\b",
        r"\b(cihaz|oturum|gonderen|gonderici|sifre|hesabiniz)|\b(appareil|expediteur|istanza|sessione|mittente)\b",
        r"устройств|сесси|инстанс|отправител",
    )
)

PUT_IN_A_QUEUE = table(r"""
    (will|to) be (sent|delivered|retried|processed) (later|when|once|as soon|after|automatically|shortly|soon)
    (?<!not )(?<!be )\bqueued\b
    (added|put|placed|sent|saved) (in|to|into) (the |a )?(\S+ )?queue\b
    ^in queue$
    (masuk|dalam|ke) antrian
    akan (segera )?dikirim
    \b(na|a|para a) fila\b
    \b(en|a) (la )?cola\b
    sera (enviad|entregue)|se enviara
    in (die |der )?warteschlange|wird (spater )?(gesendet|zugestellt)
    kuyruga (alin(?!ma)|eklen(?!me))|\bsirada\b
    file d'attente|in coda\b
    в очеред
""")
"""The message is kept for later, whatever else the reply says."""

LOST_ON_THE_WAY = table(r"""
    timed? ?-?out|deadline exceeded|(took|takes|taking|waited|waiting) (\S+ )?too long
    connection (was |is |has been |to \S+ )?(lost|reset|aborted|terminated|interrupted|broken)
    econnreset|socket hang ?up|broken pipe|bad gateway|\bupstream|network error
    internal (server )?error|execution context was destroyed|target closed
    waktu habis|kehabisan waktu|melebihi batas waktu|kesalahan (\S+ )?internal
    tempo (\S+ ){0,2}(esgotad|excedid)|tiempo de espera|err(o|or) intern[oa]
    zeituberschreitung|zeitlimit|interner (\S+ )?fehler
    zaman ?asimi|sunucu hatasi
    delai (\S+ )?depasse|tempo scaduto|erreur interne|errore interno
    тайм-?аут|время ожидания
""")
"""The gateway lost the message: it may still be delivered."""

TOO_LARGE = table(
    r"""
    (?<!for )(?<!rate )(?<!rate is )(?<!queue )(?<!queue is )too (long|large|big|heavy)\b(?! (a )?number)|
        too many (characters|bytes|chars|lines|words)
    \b(limit|exceed\w*|max\w*|larger|longer|bigger|greater|smaller|shorter|less|fewer|lower|under|over) ~ SIZE
    \b(above|below|up to|at most|no more than) ~ SIZE
    SIZE ~ (limit|max\w*|allowed|exceed\w*)
    \b(size|length|characters?) ~ (less|at most|up to|equal|must|limit|exceed\w*|max\w*|too|over|larger|longer|greater)
    \b(limit|exceed\w*|max\w*) ~ (size|length|characters?)\b
    terlalu (besar|panjang)|\b(ukuran|panjang|karakter) ~ (melebihi|maks|batas)
    \b(melebihi|maks\w*) ~ (ukuran|panjang|karakter|SIZE)
    \b(muito|demasiado|demasiada|muy) (grande|long[oa]|larg[oa]|extens[oa]|pesad[oa])
    \b(exced\w*|super\w*|ultrapass\w*|limite|maxim[oa]) ~ (tamanho|tamano|caracteres|longitud|comprimento|SIZE)
    \b(tamanho|tamano|longitud|comprimento) ~ (maxim|exced|limite|super)
    \bzu (gross|groß|lang)\b|\b(grosse|große|lange|zeichen) ~ (uberschr|ubersteig|limit)
    \bmaximale? (\S+ )?(grosse|große|lange|dateigrosse|dateigroße)
    \bcok (buyuk|uzun)|\b(boyut|uzunluk|karakter)\w* ~ (asildi|asiyor|siniri|limit|fazla)
    \btrop (grand|gros|long|volumineu|lourd)|taille maximale|tropp[oa] (grande|lung|pesante)
    слишком (большой|длинн)
    """,
    but="KEY",
)
"""This message, or its file, is too long or too large."""

RECIPIENT_TOO_OFTEN = table(
    r"""
    \b(too (many|often|much|frequent\w*|fast|soon)|limit\w*|quota|throttl\w*|flood\w*) ~ (this|that|same|single|each|
        the) (\S+ )?(recipient|receiver|contact|chat|conversation)\b
    \btoo (many|often|much|frequent\w*|fast|soon) ~ to (this|that|the same) (\S+ )?number\b
    \bper (recipient|receiver|contact|chat|destination|conversation)\b|pair rate limit
    \brecipient ~ (rate|limit\w*|quota|too (often|many|soon)|throttl\w*)
    \b(this|that|the same) (recipient|receiver|contact|number) ~ (too (often|many|soon|recently)|recently)
    (terlalu (banyak|sering|cepat)|batas|limit) ~ (ke|kepada|untuk|per) ((nomor|kontak) (ini|yang sama|tujuan)|
        penerima|tujuan)
    \b(muit[ao]s|demasiad[ao]s|excesso|limite) ~ (para|por|a|ao|al|con) ((este|esse|o mesmo|el mismo|mesmo|mismo|cada|
        o) )?(destinatari|contato|contacto)
    \b(muit[ao]s|demasiad[ao]s) ~ (a este|para este|ao mesmo|para o mesmo|al mismo|a ese|para esse) numero
    \b(zu (viele|oft|haufig|schnell)|limit|grenze) ~ (an|fur|pro) ((dies\w+|denselben|dieselbe|den|
        jede\w*) )?(empfanger|kontakt|chat|nummer)
    \b(bu|ayni) (alici|kisi|numara)\w* ~ (cok (fazla|sik)|limit|sinir)|alici basina
    \b(trop|limite) ~ (a|pour|par) ((ce|ce meme|le meme|chaque) )?(destinataire|contact)
    """,
    but=r"\b(plan|package|upgrade|subscription|paket|plano)\b",
)
"""Too many messages went to this recipient; others still get theirs."""

RECIPIENT = table(
    r"""
    NUMBER ~ not (\S+ )?registered
    \bnot (yet |currently )?(found |registered |present |active |available |exist )?(on|in|at|with) WHATSAPP
    \bnot (yet |currently )?(registered|using|have|use|own|linked to) ((an?|any|valid|active|with|for|to|on) )*WHATSAPP
    \bnot (an? )?((valid|active|registered) )*WHATSAPP[ -](number|user|account|contact|id|jid)
    \b(has|have|having|with) no ((valid|active|registered) )*WHATSAPP|\bno WHATSAPP (account|number|user|for|on)
    \bwithout (an? )?WHATSAPP|\bnon-?WHATSAPP
    \b(enter|provide|use|specify|must be|should be|need) (an? )?valid (\S+ )?(phone|number|recipient|destination)\b
    WHATSAPP (number|user|contact|id|jid) (\S+ ){0,2}(not exist|not found|not registered)|no lid for user
    \b(invalid|wrong|bad|unknown|incorrect|malformed) (?!(account|api|instance|from|sender|key|your|server) |
        (phone )?number id)(\S+ )?(phone|number|recipient|receiver|destination|chat|jid|wid|msisdn|contact|
        mobile)\b(?! (of|session|key|state|connection|param|field))
    NUMBER:?( id)? (\S+ ){0,3}?(invalid|not (\S+ )?valid|wrong|incorrect|malformed|unknown)\b
    \b(phone|chat|contact|mobile)( id)?:? ((is|was|seems) )?(invalid|not (\S+ )?valid|wrong|incorrect|malformed)\b
    (NUMBER|\b(contact|chat)\b)( id)?( \S+){0,2}? (not exist|not found|cannot be found|not reachable)\b|\blandline\b
    (RECIPIENT|\b(user|contact)\b) (has |have )?(blocked|opted[ -]out|unsubscribed)|\bopted[ -]out\b
    \bblocked by (the )?(recipient|contact|user|customer)|(black|block)list
    RECIPIENT ~ (disabled|banned|deleted|deactivated)\b|\b24[ -]?h\w* (session |service )?window|re-?engagement message
    \bnot ((one of|in|on|among|part of) )?(your|my|the|our|a|saved) contacts?\b
    \b(nomor|nomer|no hp|penerima|tujuan|kontak) ~ (tidak|belum|bukan|tdk|blm) (ter)?(daftar|valid|punya|memiliki|
        mempunyai|ada|ditemukan|benar|menggunakan|pengguna|nomor|dikenal)
    \b(tidak|belum|bukan|tdk) (terdaftar|ada|memiliki|punya|menggunakan|pengguna|nomor|aktif|akun) (di |pada |
        akun )?WHATSAPP
    \b(nomor|nomer|penerima)\b( \S+){0,2} (salah|invalid|keliru)\b|format nomor
    \b(numero|destinatario|contato|contacto|telefone|telefono) ~ (nao|no) ((esta|es|e|foi|fue|se|
        ha sido) )*(registrad|cadastrad|exist|possui|tem|tiene|posee|valid|encontr|um |un |usa|utiliza)
    \b(numero|destinatario|contato|contacto|telefone|telefono) ~ (invalid|incorret|incorrect|inexistente|errad|
        equivocad|(sem|sin) WHATSAPP)
    \b(nao|no) (possui|tem|tiene|posee|usa|utiliza|esta (em|no|en)|existe (no|en)|(esta )?(registrad|
        cadastrad)[oa] (no|en|em)|e um|es un|hay|e d[oe]|es de) (\S+ ){0,3}?WHATSAPP
    (numero|telefono) (de (whatsapp )?)?(no|nao) valid|\b(sem|sin) WHATSAPP$
    \b(\w*nummer|empfanger\w*|kontakt) ~ (nicht (\S+ )?(registriert|gultig|gefunden|vorhanden|erreichbar|(bei|auf|
        in) whatsapp)|keine?n? (\S+ )?whatsapp|ungultig|existiert nicht|unbekannt|falsch)
    \bkein (\S+ )?whatsapp-?( ?konto| ?nutzer| ?account|$)|\bnicht (bei|auf) whatsapp|
        ungultige[rsn]? (\S+ )?(\w*nummer|empfanger)
    \b(numara|alici|telefon|kisi)\w* ~ (kayitli degil|bulunamadi|gecersiz|hatali|yanlis|mevcut degil|whatsapp\S* (yok|
        kullanmiyor|kayitli|degil|hesabi (yok|degil)))
    whatsapp\S* (\S+ )?(kayitli degil|uyesi degil|hesabi (yok|bulunmuyor))|gecersiz (\S+ )?(numara|alici|telefon)
    \b(numero|destinataire|destinatario) ~ ((pas|non)( \S+)? (inscrit|enregistre|valide|valido|sur whatsapp|un |
        trouve|trovato|registrato|whatsapp)|(n.a|n.existe) pas|non (esiste|ha)|invalide|incorrect|inconnu|introuvable|
        errato|inesistente)
    (номер|получател|абонент)\w* ~ (не (зарегистрирован|существует|найден|использует|имеет)|неверн|некорректн|
        недействит|нет whatsapp)
    رقم[^;.!?]{0,30}غير (صحيح|صالح|مسجل)|غير مسجل[^;.!?]{0,20}واتس
    """,
    but=_SENDER,
)
"""Nothing can be sent to this recipient: not on WhatsApp, no valid number, does not want it."""

UNUSABLE_FILE = table(
    r"""
    \b(unsupported|invalid|unknown|corrupt(ed)?|broken|bad) (\S+ )?(file|media|image|document|mime ?-?type|base64)\b
    \b(file|media|image|document|attachment|mime ?-?type|base64) (\S+ ){0,3}(not (\S+ )?(supported|allowed|valid|
        accepted|found|accessible)|invalid|corrupt\w*|unsupported|unreachable)
    \b(could not|cannot|failed to|unable to|error) (download|fetch|load|get|read|decode)(ing)? (the |
        your )?(\S+ )?(file|media|image|document|attachment)
    \b(file )?url (is )?(unreachable|inaccessible)|format file|\barquivo (\S+ ){0,2}(invalid|nao (suportad|permitid))
    \barchivo (\S+ ){0,2}(invalid|no (valid|soportad|permitid))
    """,
    but=_SENDER,
)
"""The content cannot be sent to anybody."""

KEY_REFUSED = table(r"""
    \b(invalid|wrong|bad|incorrect|unknown|missing|expired|revoked|no) (?!(\S+ )?(phone|number|recipient|chat|
        target)\b)(\S+ ){0,2}KEY
    KEY (\S+ ){0,3}(invalid|wrong|incorrect|not valid|not found|unknown|missing|expired|revoked|required|mismatch\w*|
        not match|not exist|not recogni[sz]ed|disabled)
    \bunauthori[sz]ed|unauthenticated|\bforbidden\b|(access|permission) denied|login failed
    \bauthenti(cation|fication) (\S+ )?(fail|error|required)|authori[sz]ation (\S+ )?(fail|error|required|missing|
        invalid)
    \b(has|have|with) no (authori[sz]ation|permission|access)|\byou (are|do) not (authori[sz]ed|allowed|permitted|
        have (\S+ )?(access|permission))
    \b(token|kunci|api ?key|kata sandi|kredensial|otorisasi|autentikasi) ~ (salah|tidak|belum|invalid|kadaluarsa|
        kedaluwarsa|gagal|kosong)
    \bip\b (\S+ ){0,3}(not (\S+ )?(allowed|whitelisted|authori[sz]ed)|blocked|banned)
    akses ditolak|tidak (diizinkan|memiliki (izin|akses)|punya akses)
    \b(chave|clave|llave|token|senha|contrasena|credencia\w+) ~ (invalid|incorret|incorrect|errad|erron|expir|vencid|
        (nao|no) (\S+ )?(encontrad|autorizad|valid|exist|coincid))
    \b(nao|no) (esta )?autorizad|acess?o (negado|proibido|denegado|prohibido)|\b(sem|sin) (permis|autoriza)
    \b\w*(schlussel|token|passwort|kennwort|zugangsdaten) ~ (ungultig|falsch|abgelaufen|unbekannt|nicht (gultig|
        gefunden|korrekt))
    \b(ungultige|falsche)[rsnm]? (\S+ )?(\S*schlussel|\S*token|passwort|kennwort|zugangsdaten)|nicht (autorisiert|
        berechtigt)
    (zugriff|zugang) verweigert|yetkisiz|yetkiniz|erisim (engellendi|reddedildi)
    \b(anahtar|token|sifre|parola|kimlik)\w* ~ (gecersiz|hatali|yanlis|dogrulanamadi|suresi|bulunamadi)|
        gecersiz (\S+ ){0,2}(anahtar|token|sifre|kimlik|api)
    \b(cle|jeton|mot de passe|identifiants|chiave) ~ (invalid|incorrect|expire|errat|non valid|inconnu)
    \bnon (autorise|autorizzato)|acces (refuse|interdit)|accesso negato
    \b(неверн|недействительн|неправильн)\w* (\S+ )?(токен|ключ|пароль)|\b(токен|ключ)\w* ~ (неверн|недействит|
        не найден|истек)
    не авторизован|доступ запрещ|غير مصرح
""")
"""The key or its owner is refused."""

ACCOUNT_ENDED = table(
    r"""
    CONTRACT ~ (expired|ended|suspended|blocked|disabled|banned|deactivated|inactive|terminated|cancell?ed|closed|
        frozen|locked|no longer|not (\S+ )?(active|valid)|is over|restricted|lapsed)\b
    \b(active|valid|paid) (subscription|licen[cs]e|plan|membership)|subscription (is )?(required|needed)
    \bno (\S+ )?(subscription|licen[cs]e|plan)\b|\brenew\b|payment required
    \b(your|sender|the sender.s?) (\S+ )?(number|phone|whatsapp) ~ (banned|blocked|restricted|suspended)
    \b(service|access|user|company|organi[sz]ation) (\S+ ){0,3}(suspended|disabled|deactivated|revoked|expired|
        inactive|not active)\b
    \byou (have been|are|were) (\S+ )?(banned|blocked|suspended|restricted)
    \b(langganan|paket|masa aktif|lisensi|akun|layanan) ~ (habis|berakhir|kadaluarsa|kedaluwarsa|expired|diblokir|
        dinonaktifkan|ditangguhkan|nonaktif|tidak (aktif|berlaku)|dibekukan)
    \b(assinatura|plano|licenca|conta|periodo de teste|suscripcion|plan|licencia|cuenta|periodo de prueba) ~ (expir|
        vencid|vencio|venceu|cancelad|suspens|suspendid|bloquead|desativad|desactivad|inativ|inactiv|encerrad|caducad|
        banid)
    \b(abo|abonnement|lizenz|\w*konto|tarif|paket|testzeitraum|vertrag) ~ (abgelaufen|gesperrt|deaktiviert|gekundigt|
        beendet|nicht aktiv)
    \b(abonelik|aboneligi|lisans|hesap|hesabi|paket|deneme)\w* ~ (suresi|doldu|bitti|sona er|askiya|engellen|
        devre disi|pasif|kapatil|iptal|donduruldu)
    \b(abonnement|compte|licence|abbonamento|licenza) ~ (expire|suspendu|bloque|desactive|resilie|termine|scadut|
        sospes|disattivat)
    \b(подписк|аккаунт|тариф|лиценз)\w* ~ (истек|заблокирован|приостановлен|отключен|закончил)
    """,
    but="RECIPIENT",
)
"""The account at the gateway, or its contract, has ended or is blocked."""

NO_CREDIT = table(
    r"""
    \b(not (have )?(enough|sufficient)|insufficient|no|no more|out of|low|lack(s|ing|ed)?|zero|exhausted|depleted|
        used up|exceed\w*|reached|without|negative|(have )?\b0|used (up )?all) ((your|the|any|all|messages?|sms|
        account|monthly|daily|weekly|free|remaining|available|sending|api|more|of|whatsapp|wa) )*CREDIT
    CREDIT ~ (exhausted|exceeded|used up|insufficient|finished|empty|depleted|(too |is |very )low|expired|reached|
        not (enough|sufficient|cover)|zero|is 0|ended|(ran|run) out|consumed|is full|negative)\b
    \btop(ping)?[ -]?up\b|\brecharge\b|\bupgrade ((your|the|to) )?(\S+ )?(plan|account|package|subscription)
    \bused (up )?all (of )?(your|the) (\S+ )?messages|out of messages|\bmessages (are )?(exhausted|used up)
    \b(buy|purchase|add) (more )?(\S+ )?credits?|\bunpaid\b|\boverdue\b|too many (\S+ )?(devices|instances|sessions)
    \b(plan|package|subscription|pack|tier|trial)('s)? ~ (limit|quota|exceed\w*|exhausted|reached|used up|
        does not (allow|include|support|permit))
    \b(limit|quota|allow\w*|maximum) ~ (plan|package|subscription|tier|trial|(this|per|a|the) month|monthly)\b
    \b(monthly|yearly|annual) (\S+ ){0,2}(limit|quota|maximum)
    \b(saldo|kuota|quota|kredit|pulsa|deposit) ~ (habis|tidak (cukup|mencukupi|tersedia)|kurang|kosong|terlampaui|
        limit)
    (tidak (punya|memiliki|ada)|kehabisan) (\S+ )?(saldo|kuota|kredit)|isi (ulang )?saldo|\b(saldo|kuota|
        kredit)\b\D{0,10}\b0\b
    \b(saldo|creditos?|cota|cuota|quota|franquia) ~ (insuficiente|esgotad|agotad|acab|excedid|atingid|alcanzad|
        superad|zerad|bajo|baixo|termin)
    \b(sem|sin) (saldo|creditos?|cota)|limite (mensal|mensual|d[oe] (seu |su |tu )?plan)|\b(recarreg|recargu)
    \b(nao|no) (ha|hay|tem|tiene|possui|tienes) (\S+ )?(saldo|creditos?)
    \b(\w*guthaben|kontingent|kredit) ~ (reicht nicht|nicht aus|aufgebraucht|erschopft|zu (gering|niedrig)|leer|
        uberschritten)
    \b(kein|nicht genug|nicht genugend|unzureichendes) (\S+ )?(guthaben|kontingent|kredit)|monatslimit
    \b(bakiye|kredi|kota|kontor)\w* ~ (yetersiz|yeterli degil|bitti|doldu|asildi|tukendi|yok)|yetersiz (bakiye|kredi|
        kota|kontor)
    \b(aylik|paket) (\S+ )?(limit|kota)
    \b(credit|solde|quota|credito) ~ (insuffisant|epuise|depasse|insufficiente|esaurito)
    \b(недостаточно|закончились|нет) (\S+ )?(средств|баланс|кредит|денег)|баланс\w* ~ (недостаточ|исчерпан)
    """,
    but=r"\b(per|pro|por|a|each) (second|minute|hour|sekunde|stunde|segundo|minuto|hora|detik|menit|jam)\b",
)
"""The account has no credit, or its plan is used up."""

DOWN = table(
    r"""
    SENDING ~ (stopped|closed|expired|not found|offline|paused|deleted|destroyed|missing|unavailable|inactive|wrong|
        lost|down|dead|crashed|unpaired|unlinked|terminated|conflict|unknown|invalid|not exist|suspended|disabled|
        unreachable|failed|no longer)\b
    SENDING ~ ((re)?starting|being (re)?started|initiali[sz]ing|loading|booting|connecting|pairing|opening|sleeping|
        expected (status|state))\b
    SENDING ~ not (\S+ ){0,2}(active|online|open|opened|available|found|exist|valid|working|linked|alive|up|running|
        ready|activated|scanned|connected|registered|authori[sz]ed|started)\b
    disconnect|log(ged)?[ -]?out|sign(ed)?[ -]out\b|scan .{0,40}\bqr\b|\bqr[ -]?code|\bqr\b|connection (is |was |
        has been )?closed
    \bno (\S+ ){0,3}(session|instance|device|connection|client|socket|bot)s?\b
    \bno (active|paired|connected|linked) (\S+ )?(phone|sender|number|whatsapp)\b|\bstate: ?(close|disconn|stop)
    \b(unknown|invalid|missing|nonexistent|wrong) (\S+ )?(instance|session|device)\b
    \b(re-?)?(start|launch|connect|link|pair|authenticate|scan|activate) ((the|your|this|an?|
        again) )*(whatsapp )?(instance|session|device|bot|client|phone|whatsapp|account)\b
    \bphone (is |seems |went |has )?(no internet|no connection|offline|unreachable|switched off|turned off|
        not (online|reachable))|(phone|device) (has )?lost
    \bmaintenance\b|(service|server|gateway|whatsapp|system) (is |are )?(currently |temporarily )?(unavailable|down|
        not available)\b
    (^|; )(stopped|closed?|starting|stopping|unpaired|conflict|offline|inactive|not authorized|deauthorized|
        not connected|unlaunched)(;|$)
    \b(perangkat|device|sesi|session|instance|instansi|bot|akun|whatsapp|wa|koneksi|hp) ~ (terputus|putus|mati|
        offline|nonaktif|kadaluarsa|kedaluwarsa)
    \b(perangkat|device|sesi|session|instance|instansi|bot|akun|whatsapp|wa|koneksi|hp) ~ (belum|tidak|blm|tdk|gak|ga|
        nggak) (\S+ )?(ter(?!daftar)\w+|aktif|login|siap|jalan|berjalan|online|ready|connect\w*|di-?scan|konek)
    \b(perangkat|device|sesi|session|instance|instansi) ~ (belum|tidak|blm|tdk) (ada|ditemukan|tersedia|dikenal)
    \b(belum|tidak|blm|tdk) (terhubung|tersambung|terkoneksi|konek|connect|login)|\bpindai\b|scan (ulang|kode|
        barcode)|pemeliharaan
    \b(instancia|sessao|sesion|dispositivo|aparelho|celular|conexao|conexion|bot|servico|servicio) ~ (nao|
        no) (\S+ ){0,2}(conectad|ativ|activ|inicia|pront|list|autentic|logad|encontrad|exist|vinculad|emparejad|
        dispon|rodando|ejecut)
    \b(instancia|sessao|sesion|dispositivo|aparelho|celular|conexao|conexion|bot|servico|servicio) ~ (desligad|apagad|
        cerrad|fechad|encerrad|expirad|expiro|expirou|offline|parad|detenid|caid|inativ|inactiv|inexistente|suspens|
        perdid)
    \b(nenhuma?|ningun|ninguna|no hay|nao ha) (\S+ )?(sess?ao|sesion|dispositivo|instancia|aparelho|conexao|conexion|
        celular)
    \bwhatsapp ~ (nao|no) (esta )?(conectad|ativ|activ|inici|pront|list|autentic|vinculad|emparejad)
    desconect|desconex|\b(nao|no) (esta |se ha |se encuentra )?conectad|\b(sem|sin) conex|manutencao|mantenimiento
    \b(leia|leer|escane\w+|ler) (\S+ )?(codigo )?qr|\b(inicie|reinicie|conecte) (\S+ ){0,2}(instancia|sess?ao|sesion|
        whatsapp|dispositivo|aparelho)
    \bnicht (\S+ )?(verbunden|bereit|gestartet|angemeldet|eingeloggt|authentifiziert|gekoppelt|initialisiert)|
        \bgetrennt\b|abgemeldet
    \bkeine? (\S+ )?(sitzung|verbindung|instanz|gerat)|\bwartung|telefon (\S+ )?(offline|nicht erreichbar)
    \b(sitzung|instanz|gerat|verbindung|client|bot) ~ (abgelaufen|beendet|geschlossen|nicht (\S+ )?(gefunden|aktiv|
        erreichbar)|gestoppt|offline|inaktiv|existiert nicht|verloren|unterbrochen)
    \bbagli degil|baglanti\w* (yok|kesil|kop|kapali|kapandi|kurulamadi|saglanamadi)|baglanma(di|mis)|cikis yapil|
        cevrimdisi|karekod|kare kod|\bbakim
    oturum\w* (\S+ )?(acilma|acik degil|kapali|kapandi|sonlan|suresi|bulunamadi|yok)
    \bwhatsapp ~ (hazir degil|bagli degil|kapali|kopuk)|\b(cihaz|instance|oturum|bot)\w* ~ (hazir degil|baslatilma|
        calismiyor|bulunamadi|aktif degil|kapali|bagli degil|kopuk)
    deconnect|\b(pas|non) (\S+ )?(connect|demarr|authentifi)|\baucune (session|instance)|scannez
    \b(instance|session|appareil) ~ (pas (prete?|active?|lancee?)|expiree?|fermee?|inactive|introuvable|arretee?)
    disconness|\bnon (\S+ )?(conness|pront|avviat|autenticat|collegat)|\b(sessione|istanza|dispositivo) ~ (scadut|
        chius|non (trovat|attiv))
    не (подключ|запущен|готов)|отключ[её]н|\b(устройств|сесси|инстанс)\w* ~ (не |истек|закрыт|остановлен)
    غير متصل|未连接|未登录|断开|掉线|离线
    """
)
"""The sending instance is not running, not connected, or missing."""

DOWN_IF_NOBODY_ELSE = table(
    r"""
    \bnot (\S+ )?(running|started|ready|connected|logged in|authenticated|paired|linked|launched|scanned)\b
    \bnot (\S+ )?initiali[sz]ed\b
    """,
    but=r"RECIPIENT|(?<!your )(?<!sender )\bnumber\b",
)
"""The same in words that also fit a recipient, in a text that mentions none."""

WRONG_ADDRESS = table(r"""
    \bcannot (post|get|put)\b|\bmethod (is )?not allowed|\bno (such )?(route|endpoint|method)\b
    \b(route|endpoint|api method|path)\b (\S+ ){0,2}(not found|not allowed|not supported|not exist|unknown|invalid)
    \b(unknown|invalid|undefined|unsupported) (api )?(route|endpoint|method|path)\b
""")
"""This address has no such method."""

TOO_FAST = table(r"""
    \brate[ -]?(is )?limit(?!\w*\W{0,3}(of |is |remaining|left|\d))|too (fast|often|frequent\w*|quickly)\b|slow down|
        \bflood|throttl|\brate (is )?too (large|high)
    \btoo many\b(?! (\S+ )?(recipients|parameters|arguments|fields|files|attachments|buttons|numbers|links))
    \boverload|\bover capacity|(server|service|system|gateway|queue|instance|api) (is |are )?(\S+ )?(busy|full|
        overwhelmed)|too busy
    \b(limit\w*|quota|rate) ~ (reached|exceed\w*|hit|exhausted|over)\b|\b(reach\w*|exceed\w*|hit|surpass\w*|
        over) ~ limit
    \b(daily|hourly|minute|sending|message|request|per[ -]SPAN) limit(?!\w*\W+\d)
    \b(only|maximum|max|at most|limit of) \d+ \S+ (per|a|each|every|/) ?SPAN
    terlalu (banyak|cepat|sering)|\bbatas (pengiriman|harian|maksimal)|\blimit (harian|pengiriman|tercapai)
    melebihi (batas|limit)|\b(batas|limit) ~ (tercapai|terlampaui)|(server|sedang) sibuk
    \b(muit[ao]s|demasiad[ao]s|excesso de) (requisic|solicit|mensage|tentativ|peticion|mensaje|intento|chamad|envio)
    \blimite (diari|horari|de (envio|requisic|taxa|mensage|mensaje|solicit|peticion|velocidad))
    \blimite ~ (atingid|excedid|alcanzad|superad|ultrapassad)|\b(excedeu|atingiu|excedio|excedido|alcanzado) ~ limite
    \b(muito|demasiado|muy) rapido|sobrecarregad|sobrecargad
    \bzu (viele (anfragen|nachrichten|versuche)|schnell|haufig)|limit (\S+ )?(erreicht|uberschritten)|uberlastet|
        ausgelastet
    \bcok (fazla (istek|mesaj|deneme|gonderim)|hizli|sik)|\b(limit|sinir)\w* ~ (asildi|asti|ulasildi|ulasti|doldu)
    \bgunluk (\S+ )?(limit|sinir)
    \btrop de (requetes|messages|demandes)|\blimite ~ (atteint|depass|raggiunt|superat)|tropp[ei] (richieste|messaggi)
    слишком (много|часто|быстро)|превышен\w* (\S+ )?лимит|\bлимит\w* ~ (превышен|исчерпан)
""")
"""The instance got more requests in some time than it takes."""

BUSY = rf"{TOO_FAST}|\bbusy\b|at capacity|\bmaintenance\b|manutencao|mantenimiento|\bwartung|\bbakim|pemeliharaan"
"""The gateway took nothing because it is busy or under maintenance."""

BEGINS_AS_FAILURE = r"^\W*({})".format(
    table(r"""
    errors?\b|err\b|fatal|fail(ed|ure|s)?\b|exception|denied|rejected|refused|invalid
    (\S+ ){0,3}((was|were|is|has|have|been|could|can|will|did)( be| been)? ?not|not|cannot|
        unable to)( be| been)? (sent|delivered|queued|accepted|processed|send|deliver)\b
    (could not|cannot|can not|unable to|not able to|did not) (send|deliver|queue|find|reach|process)
    gagal|galat|kesalahan|(pesan )?(tidak|belum) (dapat |bisa )?(terkirim|dikirim|mengirim)
    erro\b|falha|falhou|nao (foi (possivel|enviad)|enviad|e possivel)|(a )?mensagem nao (\S+ )?envi
    fallo|fallid|no se (pudo|envio|ha)|no enviad|(el )?mensaje no (\S+ )?envi
    fehler|fehlgeschlagen|(die )?(nachricht )?(konnte |wurde )?nicht (gesendet|zugestellt|versendet)
    hata\b|basarisiz|(mesaj )?gonderileme|echec|erreur|errore|ошибка|не (удалось|отправлен)|خطأ|فشل|失败|错误
""")
)
"""A text that reports a failure from its first words."""

SPEAKS_AGAINST = (
    r"\b(not|cannot|unable|unsuccessful\w*|invalid|fail(ed|ure|s)?|denied|rejected|gagal|belum|tidak|nao|nicht|kein\w*"
    r"|degil|falha|fehler|не)\b"
)
"""A word that no report of success needs."""

READS_AS_SUCCESS = r"^(?![^;.!?]*{})\W*(({}) )*({})".format(
    SPEAKS_AGAINST,
    r"your|the|an?|all|messages?|msg|text|file|media|is|are|was|were|has|have|been|pesan|anda|telah|sudah|mensagem|sua"
    r"|foi|com|mensaje|su|ha|sido|se|el|la|ihre|die|nachricht|wurde|mesaj\w*|сообщение",
    r"(success\w*|sent|queued|accepted|delivered|ok|okay|done|added|submitted|scheduled|processing|pending|in queue)\b"
    r"|berhasil|sukses|terkirim|dikirim|dalam antrian|sucesso|enviad|exito|na fila|en cola|envoye|inviat"
    r"|erfolg|gesendet|basari|gonderil|kuyru|успешно|отправлен|تم|成功",
)
"""A text whose first sentence says that all went well, and nothing against it."""
