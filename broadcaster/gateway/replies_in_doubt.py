"""The words of replies that say neither sent nor refused: kept for later, still under way, or unknown.

Taking such a reply for a refusal would send the message a second time. So many words are searched for, one by one,
after phrases that deny them are skipped: "not queued", "pending approval", "queue is full". Taking a refusal for a
doubt only costs a look into the chat. Each line is one alternative that begins at the start of a word. `reply_words`
says how the texts are spelled.
"""

from __future__ import annotations

from broadcaster.gateway.reply_words import LOST_ON_THE_WAY, PUT_IN_A_QUEUE, table

# Up to 3 words in between, none of which denies what follows.
_UP_TO_3 = r"(?:(?!(?:not|never|no|nicht|nie|kein\w*|pas|non|jamais|nao|не|tidak|tak|nahin?)\b)\S+ ){0,3}"
_UP_TO_6 = _UP_TO_3.replace("0,3", "0,6")

_ON_ITS_WAY = table(rf"""
    \w*buffer(ed|ing)\b|(re-?|en)?queued\b|spool(ed|ing)\b|(parked|stashed|backlogged|retained|kept|cached)\b
    (deferred|postponed|delayed|(re-?)?scheduled|stored|saved|persisted|held|holding|pending|awaiting|waiting)\b
    on hold\b|outbox\b|queue: \d|backlog\b|put (aside|by|off)\b|set aside\b|in (the )?background\b|in progress\b|
        under ?way\b
    on (its|the) (way|wire)\b|in (transit|flight|the pipeline)\b|under processing\b|(job|task) (was |
        has been )?created\b
    (message|request|job|it) (was |has been |is )?accepted\b|accepted for (\S+ )?(delivery|sending|processing)
    ((in|into|to|on|onto) (the |a |an |our |your )?(\S+ )?queue|in queue)\b
    (will|shall|going to|gonna|to be|\w+.ll) {_UP_TO_3}(sent|delivered|dispatched|retried|resent|re-sent|processed|
        transmitted|
        forwarded|submitted|pushed|released|relayed|flushed|passed|send|deliver|retry|resend|follow|queued|handled|
        attempted|pushed)\b
    (will|\w+.ll) {_UP_TO_3}(go out|leave|resume|(try|attempt) again|keep trying|continue)\b|(it )?goes out\b|
        sending (later|soon|shortly|asap|in \d+)\b
    (send|sends|sent|sending|deliver\w*|transmitted|go(es)?) (out )?(when|once|after|upon|on|as soon as|
        until) (the |your |
        it |we |is |are |be |comes |gets |goes |phone |device |instance |session |client |whatsapp |connection )*
        ((re)?connect\w*|online|back|available|restored|ready)\b
    ((re-?)?trying|retrying) (again|to|in|every|now|shortly|automatically|soon|later|\d)|retrying\b|
        auto\w*[ -]retr\w+
    retr(y|ies) ~ (scheduled|pending|queued|automatic\w*|in progress|under way|will)\b|keeps? trying
    being (sent|processed|delivered|transmitted|dispatched|uploaded|retried|held|submitted|resent)\b
    (still|currently|now|is|message|request) (sending|processing|delivering|uploading|transmitting|trying)\b|
        ^processing\b
    next (attempt|try|retry) (in|at|after)\b
    not (yet )?(been )?(sent|delivered|dispatched|processed) yet\b|not yet (been )?(sent|delivered|dispatched|
        processed)\b
    already (been |being )?(sent|delivered|queued|submitted|processed|accepted|reported|exists?|received|in)\b
    duplicated? (message|request|send|submission|entry|id)\b
    (di|ter)simpan\b|(di|ter)tunda\b|(di|ter)jadwal\w*|(di|ter)jadual\w*|ditahan\b|ditampung\b|ditangguh\w*
    (masuk|dalam|ke|di) (daftar )?(antri|antre|antrian|antrean|giliran)\b|kotak keluar\b|daftar tunggu\b|menunggu\b|
        dalam proses\b
    akan {_UP_TO_3}((di|ter)kirim\w*|dihantar\w*|diproses|dicoba|dicuba|mencoba|mengirim\w*|menghantar|cuba)\b
    dikirim(kan)? (ulang|otomatis|nanti|kemudian|setelah|saat|ketika|begitu|secara otomatis|belakangan)
    dihantar (semula|kemudian|nanti|selepas|apabila|secara automatik)|nanti (dikirim|dihantar)
    (sedang|masih|lagi) (dalam )?(di)?(kirim|proses|coba|hantar|mengirim|memproses|mencoba|menghantar|berlangsung|
        pengiriman)\w*|di latar belakang|dicoba (lagi|ulang|kembali)
    sudah (pernah )?(di|ter)kirim|pesan ganda\b|duplikat\b
    (guardad|almacenad|salv|armazenad|agendad|programad|aplazad|adiad|retrasad|atrasad|demorad|retenid|retid|
        diferid|
        encolad|enfileirad|reprogramad|planificad|postergad|bufferizad)[oa]s?\b|pospuest\w+|pendientes?\b|
        pendentes?\b
    (en|em) (espera|proces\w+|curso|progreso|progresso|camino|andamento|segundo plano|cola|fila|envio)\b
    (en|a|na|para a?) (la )?(cola|fila)\b|en (la|tu|su) bandeja|bandeja de salida|caixa de saida|aguardando\b|
        esperando\b
    (sera|seran|serao|vai ser|va a ser|se) {_UP_TO_3}(enviad|entregad|entregue|reintentad|procesad|processad|
        reenviad|
        enviara|entregara|mandara|reintentara|procesara|reenviara|enviaran|tentad|despachad|refeit|repetid|
        saldra)\w*
    saldran?\b|(vamos|vai|va a|iremos) {_UP_TO_3}(re)?(enviar|intentar|tentar|mandar|entregar)|(re)?enviando(se)?\b|
        sendo enviad\w+
    reintentando\b|reintento\w* ~ automatic\w+|tentando (novamente|de novo|enviar|outra)|(nova|novas) tentativas? ~
        (automatica|agendada|sera|em)|ya (fue |ha sido )?enviad\w+|ja (foi )?enviad\w+|(mensaje|
        mensagem) duplicad\w+
    (zwischen|ab)?gespeichert\b|gepuffert\b|(vor|ge)merkt\b|vorgemerkt\b|eingereiht\b|eingeplant\b|geplant\b|
        terminiert\b
    (verschob|aufgeschob|aufgehob|zuruckgehalt|anstehend|ausstehend)\w*|verzogert\b|zuruckgestellt\b|hinterlegt\b
    (steht|stehen) (noch )?(aus|an)\b|(in (die |der )?)?warteschlange\b(?! (ist |sind )?(voll|uberlauf))|
        postausgang\b
    folgt\b|lauft noch|noch unterwegs|warte[tn]?\b|im hintergrund|in (arbeit|bearbeitung|zustellung|ubermittlung)\b
    (wird|werden) {_UP_TO_6}((nach|ab|ver|zu)?ge(sendet|schickt|holt|reicht|liefert)|zugestellt|verschickt|
        versendet|versandt|
        wiederholt|ubermittelt|ubertragen|verarbeitet|bearbeitet|versucht|gesandt)\b
    (spater|danach|nachtraglich|automatisch) (gesendet|zugestellt|verschickt|versendet|ubermittelt|versandt)
    bereits (gesendet|verschickt|versendet|zugestellt)|schon (gesendet|verschickt)
    (enregistre|sauvegarde|stocke|programme|planifie|reporte|differe|retarde|retenu|conserve|repousse|
        tamponne)e?s?\b
    (mise?s? )?(en|de) (attente|cote|memoire|file)\b|boite d.envoi|en (arriere|tache)[ -](plan|de fond)\b|
        en cours\b|reprendra\b
    (sera|seront|va etre) {_UP_TO_3}(envoye|livre|transmis|expedie|reessaye|traite|remis|relance|distribue|
        delivre)\w*
    (nouvel essai|nouvelle tentative) ~ (auto\w*|prevu\w*|programm\w*|sera|dans)|deja envoye\w*
    (salvat|memorizzat|archiviat|accodat|programmat|pianificat|rimandat|rinviat|posticipat|ritardat|differit|
        trattenut|conservat)[oaie]\b|in (sospeso|attesa|coda|elaborazione|corso|secondo piano)\b|posta in uscita
    (sara|saranno|verra|verranno) {_UP_TO_3}(inviat|consegnat|spedit|ritentat|elaborat|recapitat|trasmess)\w*
    riprovando\b|(nuovo tentativo|nuovi tentativi) ~ (auto\w*|programm\w*|fra|tra)|gia inviat\w+
    (kaydedil|saklan|depolan|ertelen|zamanlan|planlan|geciktiril|tamponlan|siralan|arsivlen)(di|iyor|mis|ecek|
        acak)\w*
    gecikti\w*|bekle(mede|tiliyor|niyor|yor|meye al(in(di|iyor|acak))?|til)\w*|sirada\b|siraya (al(in(?!ma)|di)|
        eklen(?!me))\w*
    kuyru(kta|ga (al(in(?!ma)|di)|eklen(?!me)|konul(?!ma)|koyul(?!ma)))\w*|giden kutusu\w*|arka planda
    (gonderil|iletil|islen|denen|gonder|ilet)(ecek|iyor|ilecek)\w*|teslim edil(ecek|iyor)|devam ediyor|surmekte|
        (zaten|daha once) gonderil(di|mis)
    (message|sandesh|msg)? ?(save|store|hold|schedule|buffer|queue|delay|pending)d? (kar|ho|kiya|me|mein|main|par|
        pe)\b(?! nah)
    (baad|bad) (me|mein|main) (bhej|send|deliver|ja)\w*|bhej\w* ja+ ?(raha|rahi|rahe|yega|ega|yegi|yenge)
    (bhej|send|deliver|chal)\w* ?(kar|ho|kiya|diya|di|a|i|jana|ja)? ?(jayega|jaega|jaayega|jayegi|jayenge|raha|rahi|
        rahe|
        denge|degi|dega|karenge)\b|intez?aa?r\b|prati?ee?ksha\b|bhejenge\b|pehle hi bhej\w*
    (koshish|try|prayas|prayaas) (ki ja|kar (rahe|raha)|karenge|ja+ri|ho rahi)\w*
    و?(تم |جرى |سيتم )?(حفظ|تخزين|جدولة|تاجيل|تاخير)\w*|و?(معلقة?|مؤجلة?|موجلة?|مجدولة?|محفوظة?|مخزنة?)\b
    و?(قيد|في قائمة|في|ب|بال)? ?ال?انتظار\w*|و?قيد (ال)?(تنفيذ|معالجة|ارسال|إرسال)|ال?طابور|في الخلفية|صندوق الصادر
    و?س(يتم|تتم|وف|يرسل|ترسل|نرسل|يعاد|نعيد|تصل|يصل|نحاول)\w*|و?(جاري|جار|تجري|يتم الان) (ال)?(ارسال|إرسال|معالجة|
        محاولة|
        اعادة)\w*|(ارسال|إرسال)\w* لاحقا|تتم اعادة
    сохран[её]н\w*|отложен\w*|(за|пере)планирован\w*|перенес[её]н\w*|задерж(ан|ив)\w*|буфер\w*|поставлен\w* (в|на)\b
    (ожида|жд)[её]?(ет|ют|ния|нии|ние|ющ)\w*|исходящ\w*|в (фоне|фоновом|процессе|очеред\w*|обработке|пути)\b|
        на очереди
    (будет|будут|буд\w+) {_UP_TO_3}(отправл|отправк|достав|повтор|выслан|передан|обработ|отослан)\w*
    (отправится|отправим|отправляется|доставим|доставляется|выполняется|обрабатывается|повторяем|повторим|
        отправляем)\b
    повторн\w+ (попытк|отправк)\w* (будет|через|заплан|выполн|позже)|позже (будет )?отправ\w+|уже отправлен\w*
""")

_NOBODY_KNOWS = table(r"""
    (not|cannot|never) ((be|been|yet|get|got|being) )*(confirmed|acknowledged|acked)\b|unconfirmed\b|
        unacknowledged\b
    (no|without|missing|lacking|lost|before|awaiting) (the |a |any )?(\S+ )?(confirmation|ack|acks|acknowledge?ment|
        receipt|response|answer|reply)\b
    not (get|receive|have|obtain|see) ((a|any|the) )*(\S+ )?(confirmation|ack|acknowledge?ment|receipt|response|
        answer|reply)\b
    after ((the|your|a) )*(message|it|request) ((was|had|has|is|been|being) )*(sent|submitted|handed|passed|accepted)\b
    confirmation (is |was |has )?(not|never|missing|lost|failed|outstanding|unavailable)
    (not|never) (confirm|respond|answer|reply|acknowledge|responding|answering|replying)(ed|ing)?\b|unresponsive\b
    (tell|say|determine|know|verify|confirm|ascertain|guarantee) (if|whether|that|delivery|the (delivery|outcome|
        state|status))
    (cannot|could not|unable to|not able to|failed to|did not) (confirm|verify|determine|ascertain)\b
    not (sure|certain|clear|known)\b|(unsure|unclear|uncertain|undetermined|inconclusive|indeterminate)\b
    lost (track|sight|contact|connection|the (connection|session|phone|device|socket|reply|response))\b
    (message|delivery|sending|send|final|transmission) (state|status|outcome|result)\b ~ (unknown|undefined|
        unavailable)\b
    (outcome|result|fate|whereabouts) (\S+ ){0,4}(unknown|not known)|unknown (if|whether|delivery|outcome|result|
        message st\w+)\b
    (may|might|could) ((or|not|may|might|already|still|possibly|well) )*(have (been )?(\S+ )?(sent|delivered|gone|
        reached|
        arrived|left)|be (sent|delivered)|arrive|reach)\b
    (possibly|perhaps|probably|maybe|partially|partly|half) (been |already )?(sent|delivered|transmitted)\b
    (during|while|whilst|amid|mid|in the (middle|midst|course) of|(halfway|midway|partway|
        part way)( through)?)[ -]((the|a|
        an|it|was|were|we|being|your|still|message|messages|outgoing|file|media) )*(send\w*|sent|deliver\w*|
        transmi\w+|
        transfer\w*|upload\w*|dispatch\w*|submi\w+|processing|writ\w+|message was|message is)\b
    (crash\w*|died|closed|offline|lost|disconnect\w*|interrupt\w*|killed|restart\w*|broke\w*|dropped|hung|froze\w*|
        down|
        stopped|gone) (occurred )?(when|as|after|upon|on) (\S+ )?(send\w*|sent|deliver\w*|transmi\w+|upload\w*)\b
    (send|sending|delivery|transmission|transfer|upload|request|message|submission) (was |is |has been |got |been )?
        (interrupted|aborted|cut off|cut short|broken off|lost|incomplete)\b
    page (has been|was|is) closed|browser (has |was )?(disconnected|died)|protocol error|navigation failed because
    stream error|backend fetch|guru meditation|(backend|origin|proxy) (read |write )?(error|failure|fail|read)
    (saat|ketika|sedang|selama|sewaktu|semasa|waktu|tengah) ((proses|pesan|mesej) )*(meng(irim|hantar)|pengiriman|
        penghantaran|
        dikirim|kirim|dihantar)\w*
    (tidak|belum|tak|tdk|blm) (dapat |bisa |ter)*(dikonfirmasi|konfirmasi|dipastikan|pasti|diketahui|disahkan|
        diverifikasi
        apakah)\b|(tanpa|tidak ada|tiada|belum ada) (konfirmasi|pengesahan|respon\w*|balasan|jawaban|maklum balas)
    (status|hasil) (pengiriman|pesan|penghantaran) ~ (tidak|belum|tak)|kehilangan (jejak|koneksi|kontak)
    (mungkin|kemungkinan|barangkali) (sudah |telah )?(ter|di)?(kirim|hantar)\w*|tidak (merespon|menjawab|
        membalas)\w*
    (durante|mientras|enquanto|mentre|en (pleno|medio)|no meio|nel (corso|mezzo)) ((del?|da|do|dell.|di|o|os|a|as|
        el|la|
        lo|il|se|si|era|estaba|estava|veniva|proceso|processo|il) )*(l.|dell.)?(envi\w+|invi\w+|mand\w+|transmi\w+|
        trasmi\w+|entreg\w+|spedi\w+|consegn\w+|subi\w+)
    (perdi|cay|caiu|cerr|desconect|interrump|apag|trav|fech)\w+ ((la|a|o|el|conexion|conexao) )*(al|ao) (enviar|
        mandar)
    (sin|sem|senza|falta de|falta|nessuna|ninguna|nenhuma) (\S+ )?(confirm\w+|conferm\w+|respuesta|resposta|
        risposta|acuse)
    (no|nao|non) ((se|pudo|puede|ha|fue|foi|pode|ser|sido|possivel|esta|e|stato|stata|puo|essere|possibile|podido|
        il|la|o|a|si|ha) )*(confirm|conferm|respond|rispond|respuesta)\w*|(no|nao) ((se|e|es|foi) )*(sabe|sabemos|
        determin)\w*|(no hay|nao ha) (\S+ )?confirm\w+|non (si sa|sappiamo|e chiaro|e noto)|se desconoce\b
    (estado|status|resultado|resultat|stato|esito|risultato|entrega|envio) ~ (desconocid|desconhecid|sconosciut|
        ignot|
        inciert|incert|indeterminad)\w*|(quizas?|tal vez|talvez|posiblemente|possivelmente|forse)\b
    (puede|pode|podria|poderia|potrebbe|puo) (ja |ya |gia )?(que|haber|ter|tener|haberse|essere|ser)\b
    (se )?perdio (\S+ )?(conexion|rastro|contacto|seguimiento)|perdeu-?(se)? (\S+ )?(conexao|contato)
    (wahrend|mitten (im|in|beim)) ((de[rsm]|die|das|laufende\w*|nachricht\w*) )*(send\w*|versand\w*|versende\w*|
        ubertragung\w*|
        zustell\w+|verschick\w+|ubermitt\w+|gesendet)
    beim (senden|versand|versenden|verschicken|ubertragen|zustellen) ~ (ab|ver|unter|ge)\w*(sturzt|broch|lor|trenn|
        fall)\w*
    (ab|ver|unter|ge)\w*(sturzt|broch|lor|trenn|fall)\w* beim (senden|versand|versenden|verschicken|ubertragen)
    nicht (\S+ )?bestatig\w+|unbestatigt\b|(ohne|keine?|fehlende) (\S+ )?(bestatigung|antwort|ruckmeldung|quittung)
    (unklar|ungewiss|fraglich|unbekannt,? ob)\b|(status|zustellung|verbleib|ergebnis|ausgang) ~ (unbekannt|unsicher|
        nicht bekannt)
    (moglicherweise|vielleicht|eventuell|womoglich)\b|aus den augen|(antwortet|reagiert) nicht|nicht (geantwortet|
        reagiert)
    (pendant|durant|au (moment|cours|milieu)|en (plein|pleine|cours)) ((de|du|la|le|que|un) )*(l.|d.|
        de l.)?(envoi\w*|transmission|
        livraison|expedition|envoy\w+|traitement)
    (perdu\w*|ferme\w*|plante\w*|coupe\w*|interrompu\w*|deconnect\w*) ((la|connexion) )*lors de l.envoi
    (non|pas) (\S+ ){0,2}?confirme\w*|(sans|pas de|aucune?|absence de) (\S+ )?(confirmation|reponse|accuse)
    (etat|statut|resultat|sort) ~ (inconnu|incertain|indetermine)\w*|peut[ -]etre\b|ne (sait|savons) pas\b
    perdu (la trace|de vue|la connexion|le contact)|ne repond pas
    (gonder\w*|iletim\w*|teslimat\w*|iletme\w*) (sirasinda|esnasinda|aninda|surecinde|ederken|yapilirken)
    (gonderilirken|gonderirken|iletilirken|iletirken)\b|(onaylan|dogrulan|teyit edil|teyid edil|onay al)\w*(ama|eme|
        madi|medi)\w*
    (durum\w*|sonuc\w*|akibet\w*) (bilinm|belirsiz|belli degil)\w*|(bilinmiyor|belirsiz|belki|muhtemelen)\b
    (yanit|cevap|onay) (yok|alina|gelme|verm)\w*
    (bhejte|bhejne|send karte|deliver karte|transmit karte) ?((ke|karte) )?(samay|waqt|vaqt|vakt|hue|huye|dauran|
        beech)
    (pushti|confirm|confirmation|pata|maloom|jawab|javab|response|reply) ((hi|ho|hua|hui|abhi|tak|kuch|koi|kar|
        nahi ho) )*nahi?\w*
    (nahi|nahin) (\S+ )?(confirm|pata|maloom)|shayad\b
    و?(اثناء|أثناء|خلال) (عملية )?(ال)?(ارسال|إرسال)\w*
    (لم|تعذر|لا|دون|بدون|غير) (\S+ ){0,2}?(تاكيد|تأكيد|التاكد|التأكد|مؤكد|موكد|رد|يرد|استجابة|يستجب|يستجيب)\w*
    لا (نعرف|ندري|نعلم|يعرف|يعلم)|(حالة|نتيجة|مصير) \S+ (غير معروف|غير معلوم|مجهول)\w*|ربما\b|قد (تكون|يكون|تم)\b
    (во время|в процессе|в момент|в ходе|посреди) (отправ|передач|достав|пересыл)\w*
    (потерян|прерван|разорван|оборв|упал|закры|отключ)\w* (\S+ )?при (отправ|передач|достав)\w*
    (не|без|нет) (\S+ ){0,2}?подтвержд\w*|неподтвержд\w*|(нет|без) ответ\w*|не (отвечает|ответил\w*)
    (статус|состояние|результат|судьба)\b ~ (неизвест|неясн|непонят|не извест|не определ)\w*
    (неизвестно|непонятно|неясно|возможно|вероятно|потеряна связь|связь потеряна|соединение потеряно)\b
""")

_OF_THE_SENDER = (
    r"(accounts?|instances?|sessions?|devices?|subscription|payments?|invoice|verification|approval|kyc|registration|"
    r"log-?in|pairing|business|template|plan|order|qr( code)?|connection|licen[cs]e|profile|review|activation|users?|"
    r"sender|channel|client|bot|trial|bill|akun|perangkat|sesi|instansi|pembayaran|cuenta|conta|instancia|sess?ao|"
    r"sesion|"
    r"dispositivo|pag(o|amento)|konto|zahlung|sitzung|instanz|gerat|compte|paiement|sessione|istanza|hesap|hesabiniz|"
    r"odeme|cihaz|oturum|аккаунт|инстанс|сессия|устройство|e-?mails?|correo|phone number|numbers?|numero|nomor|nummer|"
    r"numara\w*|telefon|номер|contacts?|recipient|address|identity|media|link|kyc|credentials?|token|key|signature)"
)
_FOR_THE_OPERATOR = (
    r"(qr|scan\w*|approv\w*|verif\w*|activat\w*|pay\w*|review|set-?up|config\w*|authent\w*|authori[sz]\w*|sess\w*|"
    r"regist\w*|"
    r"invoice\w*|log-?in|log in|pair\w*|bill\w*|kyc|actions?|invit\w*|updates?|subscription|restart|you to|pembayaran|"
    r"verifikasi|persetujuan|aktivasi|pago|pagamento|aprova\w*|aproba\w*|leitura|escane\w*|lectura|freigabe|zahlung|"
    r"verifizierung|genehmigung|bestatigung des kontos|paiement|validation|scansione|approvazione|verifica|onay\w*|"
    r"odeme\w*|dogrulama\w*|оплат\w*|сканир\w*|подтвержд\w*|активац\w*|авториз\w*|connection of|user)"
)
_IS = (
    r"((is|are|was|has|have|been|be|still|currently|status|state|not|yet|in|on|ist|wird|"
    r"esta|est|e|adalah|masih)[:=]? )*"
)

_DENIED = table(r"""
    (no|not|never|nothing|none|cannot|\w+n't|can not|unable to|fail\w* to|without|neither|nor|rather than|
        instead of|refuse\w* to|too \S+ (to|for)|
        must|should|needs? to|has to|have to|can|please|could|tidak|belum|bukan|gagal|tak|jangan|tanpa|tdk|blm|gak|
        nao|sin|
        sem|nunca|ni|nem|ningun\w*|nenhum\w*|nicht|kein\w*|nie|ohne|pas|non|ne|jamais|sans|aucun\w*|impossible d\w+|
        senza|mai|
        nessun\w*|nahin?|mat|لم|لن|لا|غير|ليس|دون|تعذر|فشل|не|нет|без|невозможно|нельзя) ((be|been|being|added|put|
        placed|was|were|is|are|will|
        would|shall|the|an?|any|your|this|it|get|have|has|allowed|able|to|automatically|longer|messages?|msg|more|
        currently|delivery|retry|attempt|copy|
        dapat|bisa|akan|ada|pesan|boleh|lagi|pernah|se|fue|ha|sido|esta|sera|puede|pudo|pode|foi|ser|es|el|la|o|a|
        mensajes?|
        mensagem|mensagens|mas|mais|hay|tem|tiene|un|una|mehr|werden|wird|in|die|der|zu|nachricht|nachrichten|
        automatisch|
        ete|etre|est|pu|mis|mise|peut|plus|le|encore|e|stato|stata|verra|puo|essere|il|messaggio|viene|يتم|يكن|تتم|
        يمكن|
        поставлен\w*|добавлен\w*|был\w*|будет|может|удалось|быть) )*
""")
_SAID_AGAINST = table(rf"""
    ((a|la|the) )?(queue|outbox|buffer|backlog|fila|cola|coda|file d.attente|antrian|antrean|kuyruk|warteschlange|
        очередь|(ال)?طابور) ((is|was|has|limit|size|capacity|currently|already|too|almost) )*(full|exceeded|reached|
        overflow\w*|disabled|
        unavailable|voll|cheia|llena|pleine|piena|dolu|penuh|переполнен\w*|ممتلئ?|esta (cheia|llena)|e piena|
        est pleine)
    (too many|max\w*|limits? of|over \d+|\d+)( number| count)?( of)? ((the|your|allowed|messages|jobs|
        items|requests) )*(pending|waiting|queued|scheduled|delayed|stored|saved|in (the |
        your |a )?queue|in progress)\b|(room|space|place|full|much|capacity) ([\w'-]+ )?in (the )?([\w'-]+ )?queue
    pending ([\w'-]+ ){{0,2}}?{_FOR_THE_OPERATOR}\b|pending (messages?|requests?|items?|jobs?|limit|queue)\b
    {_OF_THE_SENDER}[:,]? {_IS}(pending|awaiting|waiting|on hold|held|delayed|deferred|saved|stored|kept|confirmed|
        acknowledged|
        in progress|already (exists?|in)|menunggu|pendientes?|pendentes?|aguardando|ausstehend|geplant|bekl\w+|
        en attente|
        in attesa|ожида\w*|esperando)\b
    {_OF_THE_SENDER} ((is|was|could|can|has|been|be|not|yet|unconfirmed|no|nao|esta|nicht|pas|non|не|belum|tidak|
        degil) )+
        (confirm\w*|bestatig\w*|conferm\w*|подтвержд\w*|dikonfirmasi|terkonfirmasi|verif\w*)
    (confirm|verify|determine) (the |your |this |that |if |whether )*{_OF_THE_SENDER}\b|
        unconfirmed {_OF_THE_SENDER}\b
    (cannot|could not|unable to|failed to|did not) (confirm|verify|determine) ((the|your|this|
        that) )*{_OF_THE_SENDER}\b
    (confirmed|unconfirmed) {_OF_THE_SENDER}\b|{_OF_THE_SENDER}\w* ([\w'-]+ )?(dogrulan|onaylan)\w+
    (waiting|awaiting|waits|menunggu|aguardando|esperando|wartet|bekl\w+|en attente|in attesa|ожида\w*|pendientes?|
        pendentes?)
        (for|auf|de|del|do|da|du|di)? ?([\w'-]+ ){{0,3}}?{_FOR_THE_OPERATOR}\b|{_FOR_THE_OPERATOR} bekl\w+
    (before|after|when|without|avoid|stop|by|keep|and|then) (retrying|waiting|trying again|sending)\b|waiting (time|
        list|room|period)
    (delayed|scheduled) (sending|delivery|messages) (is|are) (not|un\w+|dis\w+)|(processing|sending|
        handling) another\b
    (restart|update|upgrade|reboot|backup|downtime) (is |was )?scheduled\b|terlalu banyak \w+ (ter|di)?tunda
    retrying (is|may|too)\b|being (sent|processed) too\b|(mohon|silakan|harap|harus) (untuk )?menunggu|
        bitte warte\w*|warten sie|warteschlange (ist )?voll
    scheduled ([\w'-]+ )?(maintenance|downtime|outage|restart|updates?|upgrade|break|work|pause|backup|messages|
        hours|time|date|
        feature|sending)\b|maintenance ([\w'-]+ ){{0,2}}(scheduled|in progress|under way|pending)\b
    (manutencao|mantenimiento|manutenzione|maintenance) ([\w'-]+ )?(agendad|programad|programmat|programme|planifie|
        planificad|
        en cours|in corso|em andamento|en curso|en proceso)\w*|geplante \w*wartung\w*|wartung ([\w'-]+ )?(geplant|
        in arbeit)
    (planlanan|planli) bakim|bakim ([\w'-]+ )?(planlan\w+|devam ediyor)|pemeliharaan ([\w'-]+ )?terjadwal|
        (заплан\w+|планов\w+) ([\w'-]+ )?работ\w*
    (sync\w*|(re)?start\w*|reboot|log-?in|maintenance|pairing|initiali\w+|updat\w+|upgrade|migration|backup|
        (re)?connect\w*|
        scan\w*|authent\w+|registration|set-?up|deploy\w*|another \w+|boot\w*|load\w*) {_IS}(in progress|under ?way)
    another ([\w'-]+ ){{0,3}}(in progress|processing|sending|pending|under ?way)
    (saved|stored|cached|kept|held) ([\w'-]+ )?(sessions?|credentials?|token|contacts?|qr|auth\w*|log-?in|key|data|
        numbers?|templates?)\b
    (error|exception|fail\w*|problem) ((has|have|been|was|an?|occurred|happened|encountered) )*(while|during|
        when) (the |
        attempt to )?(send\w*|deliver\w*|process\w*)( (the|your|a|an|this|text|media|file|message|
        to \S+))* ?: (?=\S)
""")


# A text with accents is searched in its form without accents, in which these words are spelled too.
_ACCENTED = "[àáâãäåçèéêëìíîïñòóôõöùúûüýğışãõйёأإآؤئ]"


def _unless(kept: str, against: str) -> str:
    """A pattern for the words of `kept`, word by word from the start, that skips the phrases of `against`."""
    # Most texts hold none of these words. Checking that first costs a fifth.
    return rf"^(?!.*{_ACCENTED})(?=.*?\b(?:{kept}))(?>(?:\b(?:{against})|(?!\b(?:{kept}))(?:\w+|\W))*)(?:{kept})"


QUEUED = _unless(PUT_IN_A_QUEUE, f"(?:{_DENIED})(?:{PUT_IN_A_QUEUE})|{_SAID_AGAINST}")
"""The message is in the gateway's queue, whatever else the reply says."""

DOUBT = f"{LOST_ON_THE_WAY}|{_unless(_NOBODY_KNOWS, _SAID_AGAINST)}"
"""The gateway lost the message or does not know: it may still be delivered."""

UNDER_WAY = _unless(_ON_ITS_WAY, f"(?:{_DENIED})(?:{_ON_ITS_WAY})|{_SAID_AGAINST}")
"""The message is kept for later or still under way, whatever else the reply says."""
