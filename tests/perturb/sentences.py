"""Sentences that the tests of this folder perturb, in scripts that break naive string editing."""

SENTENCES = {
    "en": "Turn off the lights in the kitchen at 7:30, please!",
    "de-CH": "Schalte bitte um 19 Uhr die große Lampe über dem Küchentisch aus.",
    "fr": "Réveille-moi demain à 6h45 ; j'ai un rendez-vous très tôt.",
    "rus_Cyrl": "Включи свет на кухне в 7 часов вечера, пожалуйста.",
    "el": "Άναψε τα φώτα στην κουζίνα στις 7 το βράδυ, παρακαλώ.",
    "zh-CN": "请在晚上7点打开厨房的灯,然后提醒我给妈妈打电话。",
    "ja": "午後7時に台所の電気をつけて、コーヒーを入れてください。",
    "ko": "저녁 7시에 부엌 불을 켜고 엄마에게 전화하라고 알려 줘.",
    "ar": "شغّل الأنوار في المطبخ الساعة 7 مساءً من فضلك.",
    "he": "תדליק את האור במטבח בשעה 7 בערב, בבקשה.",
    "hi": "कृपया शाम 7 बजे रसोई की बत्ती जलाओ और विद्यार्थी को क्षमा करो।",
    "th": "ช่วยเปิดไฟในห้องครัวตอน 7 โมงเย็นและเตือนฉันให้โทรหาแม่ด้วย",
    "vi": "Hãy bật đèn trong nhà bếp lúc 7 giờ tối và nhắc tôi gọi điện cho mẹ.",
    "tr": "Lütfen akşam 7'de mutfağın ışıklarını aç ve İstanbul'u ara.",
    "fa": "لطفاً ساعت ۷ چراغ‌های آشپزخانه را روشن می‌کنید؟",
}
WITHOUT_KEYBOARD = {"zh-CN", "ja"}

# More hard cases: joiners and nukta in Hindi, katakana, Thai with marks, emoji sequences, Hebrew points.
HARDER = {
    "hin_Deva": "क्\u200dया आप ज़रा लड़के को 5.5 रुपये देंगे? हाँ, ज़रूर श्री\u200cमान।",
    "ja-JP": "タクシーでカナダ大使館へ行って、力うどんを2,000円で頼んで!",
    "tha": "สวัสดีครับ! ปิดไฟ 3.5 ดวง, แล้วล็อกประตูบ้านด้วยนะ?",
    "urd_Arab": "براہِ کرم باورچی خانے کی بتی ۷ بجے جلائیں، اور امی کو فون کریں۔",
    "he-IL": "הַדְלֵק אֶת הָאוֹר, בבקשה! 👩\u200d👩\u200d👧 עכשיו?",
    "hy": "Խնդրում եմ միացրու խոհանոցի լույսը, հետո՝ դուռը բաց։",
    "ben_Beng": "দয়া করে রান্নাঘরের বাতি ৭টায় জ্বালাও, আর বড় দরজা বন্ধ করো।",
    "spa_Latn": "¿Apagaste la luz de la cocina? 👍🏽 ¡Qué bien, mañana también!",
    "uk": "Увімкни, будь ласка, її світло о 7:30; й закрий двері!",
}
ODD = [
    "",
    " ",
    "a",
    "é",
    "我",
    ".",
    "\u0301",
    "7",
    "7:30",
    "👩\u200d👩\u200d👧",
    "🇩🇪👍🏽",
    "\u200d",
    "ß",
    "م",
    "क्",
    "\ud800",
    "  \n",
]
