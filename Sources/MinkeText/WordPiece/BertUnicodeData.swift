/// What the normalizer and pre-tokenizer of BERT know of Unicode.
///
/// The reference is Hugging Face `tokenizers` 0.23, which mixes versions of Unicode: general categories of 8.0,
/// canonical decompositions of 9.0 and lower-case mappings of 17.0. A model was trained on ids made with such tables,
/// so they are written out here and do not change with the Swift library, which follows one version of its own.
/// Numbers are hexadecimal scalar values, `a-b` a range with both ends. The Hangul syllables are decomposed by
/// arithmetic.
enum BertUnicodeData {
  /// Scalars that stand alone as a token: the general categories P* of Unicode 8.0, and all symbols of ASCII.
  static let punctuation: StaticString = """
    21-2f 3a-40 5b-60 7b-7e a1 a7 ab b6-b7 bb bf 37e 387 55a-55f 589-58a 5be 5c0 5c3 5c6 5f3-5f4 609-60a 60c-60d 61b \
    61e-61f 66a-66d 6d4 700-70d 7f7-7f9 830-83e 85e 964-965 970 af0 df4 e4f e5a-e5b f04-f12 f14 f3a-f3d f85 fd0-fd4 \
    fd9-fda 104a-104f 10fb 1360-1368 1400 166d-166e 169b-169c 16eb-16ed 1735-1736 17d4-17d6 17d8-17da 1800-180a \
    1944-1945 1a1e-1a1f 1aa0-1aa6 1aa8-1aad 1b5a-1b60 1bfc-1bff 1c3b-1c3f 1c7e-1c7f 1cc0-1cc7 1cd3 2010-2027 \
    2030-2043 2045-2051 2053-205e 207d-207e 208d-208e 2308-230b 2329-232a 2768-2775 27c5-27c6 27e6-27ef 2983-2998 \
    29d8-29db 29fc-29fd 2cf9-2cfc 2cfe-2cff 2d70 2e00-2e2e 2e30-2e42 3001-3003 3008-3011 3014-301f 3030 303d 30a0 \
    30fb a4fe-a4ff a60d-a60f a673 a67e a6f2-a6f7 a874-a877 a8ce-a8cf a8f8-a8fa a8fc a92e-a92f a95f a9c1-a9cd \
    a9de-a9df aa5c-aa5f aade-aadf aaf0-aaf1 abeb fd3e-fd3f fe10-fe19 fe30-fe52 fe54-fe61 fe63 fe68 fe6a-fe6b \
    ff01-ff03 ff05-ff0a ff0c-ff0f ff1a-ff1b ff1f-ff20 ff3b-ff3d ff3f ff5b ff5d ff5f-ff65 10100-10102 1039f 103d0 \
    1056f 10857 1091f 1093f 10a50-10a58 10a7f 10af0-10af6 10b39-10b3f 10b99-10b9c 11047-1104d 110bb-110bc \
    110be-110c1 11140-11143 11174-11175 111c5-111c9 111cd 111db 111dd-111df 11238-1123d 112a9 114c6 115c1-115d7 \
    11641-11643 1173c-1173e 12470-12474 16a6e-16a6f 16af5 16b37-16b3b 16b44 1bc9f 1da87-1da8b
    """

  /// Scalars of the property White_Space.
  static let whiteSpace: StaticString = """
    9-d 20 85 a0 1680 2000-200a 2028-2029 202f 205f 3000
    """

  /// Scalars that cleaning removes: U+FFFD and the general categories Cc, Cf and Co of Unicode 8.0, without tab, line
  /// feed and carriage return.
  static let dropped: StaticString = """
    0-8 b-c e-1f 7f-9f ad 600-605 61c 6dd 70f 180e 200b-200f 202a-202e 2060-2064 2066-206f e000-f8ff feff fff9-fffb \
    fffd 110bd 1bca0-1bca3 1d173-1d17a e0001 e0020-e007f f0000-ffffd 100000-10fffd
    """

  /// Scalars that count as Chinese. U+2B820-2B91F are left out, as they are in the reference implementation.
  static let chinese: StaticString = """
    3400-4dbf 4e00-9fff f900-faff 20000-2a6df 2a700-2b81f 2b920-2ceaf 2f800-2fa1f
    """

  /// Scalars of general category Mn in Unicode 8.0 whose decomposition begins with a nonstarter (Unicode 9.0).
  static let strippedNonstarters: StaticString = """
    300-34e 350-36f 483-487 591-5bd 5bf 5c1-5c2 5c4-5c5 5c7 610-61a 64b-65f 670 6d6-6dc 6df-6e4 6e7-6e8 6ea-6ed 711 \
    730-74a 7eb-7f3 816-819 81b-823 825-827 829-82d 859-85b 8e3-8ff 93c 94d 951-954 9bc 9cd a3c a4d abc acd b3c b4d \
    bcd c4d c55-c56 cbc ccd d4d dca e38-e3a e48-e4b eb8-eb9 ec8-ecb f18-f19 f35 f37 f39 f71-f75 f7a-f7d f80-f84 \
    f86-f87 fc6 1037 1039-103a 108d 135d-135f 1714 1734 17d2 17dd 18a9 1939-193b 1a17-1a18 1a60 1a75-1a7c 1a7f \
    1ab0-1abd 1b34 1b6b-1b73 1bab 1be6 1c37 1cd0-1cd2 1cd4-1ce0 1ce2-1ce8 1ced 1cf4 1cf8-1cf9 1dc0-1df5 1dfc-1dff \
    20d0-20dc 20e1 20e5-20f0 2cef-2cf1 2d7f 2de0-2dff 302a-302d 3099-309a a66f a674-a67d a69e-a69f a6f0-a6f1 a806 \
    a8c4 a8e0-a8f1 a92b-a92d a9b3 aab0 aab2-aab4 aab7-aab8 aabe-aabf aac1 aaf6 abed fb1e fe20-fe2f 101fd 102e0 \
    10376-1037a 10a0d 10a0f 10a38-10a3a 10a3f 10ae5-10ae6 11046 1107f 110b9-110ba 11100-11102 11133-11134 11173 \
    111ca 11236 112e9-112ea 1133c 11366-1136c 11370-11374 114c2-114c3 115bf-115c0 1163f 116b7 1172b 16af0-16af4 \
    16b30-16b36 1bc9e 1d167-1d169 1d17b-1d182 1d185-1d18b 1d1aa-1d1ad 1d242-1d244 1e8d0-1e8d6
    """

  /// The other scalars of general category Mn in Unicode 8.0; canonical reordering does not reach across them.
  static let strippedStarters: StaticString = """
    34f 7a6-7b0 900-902 93a 941-948 955-957 962-963 981 9c1-9c4 9e2-9e3 a01-a02 a41-a42 a47-a48 a4b-a4c a51 a70-a71 \
    a75 a81-a82 ac1-ac5 ac7-ac8 ae2-ae3 b01 b3f b41-b44 b56 b62-b63 b82 bc0 c00 c3e-c40 c46-c48 c4a-c4c c62-c63 c81 \
    cbf cc6 ccc ce2-ce3 d01 d41-d44 d62-d63 dd2-dd4 dd6 e31 e34-e37 e47 e4c-e4e eb1 eb4-eb7 ebb-ebc ecc-ecd f76-f79 \
    f7e f8d-f97 f99-fbc 102d-1030 1032-1036 103d-103e 1058-1059 105e-1060 1071-1074 1082 1085-1086 109d 1712-1713 \
    1732-1733 1752-1753 1772-1773 17b4-17b5 17b7-17bd 17c6 17c9-17d1 17d3 180b-180d 1920-1922 1927-1928 1932 1a1b \
    1a56 1a58-1a5e 1a62 1a65-1a6c 1a73-1a74 1b00-1b03 1b36-1b3a 1b3c 1b42 1b80-1b81 1ba2-1ba5 1ba8-1ba9 1bac-1bad \
    1be8-1be9 1bed 1bef-1bf1 1c2c-1c33 1c36 a802 a80b a825-a826 a926-a92a a947-a951 a980-a982 a9b6-a9b9 a9bc a9e5 \
    aa29-aa2e aa31-aa32 aa35-aa36 aa43 aa4c aa7c aaec-aaed abe5 abe8 fe00-fe0f 10a01-10a03 10a05-10a06 10a0c 10a0e \
    11001 11038-11045 11080-11081 110b3-110b6 11127-1112b 1112d-11132 11180-11181 111b6-111be 111cb-111cc \
    1122f-11231 11234 11237 112df 112e3-112e8 11300-11301 11340 114b3-114b8 114ba 114bf-114c0 115b2-115b5 \
    115bc-115bd 115dc-115dd 11633-1163a 1163d 11640 116ab 116ad 116b0-116b5 1171d-1171f 11722-11725 11727-1172a \
    16f8f-16f92 1bc9d 1da00-1da36 1da3b-1da6c 1da75 1da84 1da9b-1da9f 1daa1-1daaf e0100-e01ef
    """

  /// Nonstarters that are not stripped, each with its canonical combining class (Unicode 9.0), in hexadecimal.
  static let keptNonstarters: StaticString = """
    8d4-8e1=e6 1b44=9 1baa=9 1bf2-1bf3=9 1dfb=e6 302e-302f=e0 a953=9 a9c0=9 111c0=9 11235=9 1134d=9 11442=9 11446=7 \
    116b6=9 11c3f=9 1d165-1d166=d8 1d16d=e2 1d16e-1d172=d8 1e000-1e006=e6 1e008-1e018=e6 1e01b-1e021=e6 \
    1e023-1e024=e6 1e026-1e02a=e6 1e944-1e949=e6 1e94a=7
    """

  /// Lower-case mappings of one scalar to one (Unicode 17.0): the image of the first scalar of a range; `/2` takes
  /// every second scalar of it.
  static let lowercase: StaticString = """
    41-5a=61 c0-d6=e0 d8-de=f8 100-12e/2=101 132-136/2=133 139-147/2=13a 14a-176/2=14b 178=ff 179-17d/2=17a 181=253 \
    182-184/2=183 186=254 187=188 189-18a=256 18b=18c 18e=1dd 18f=259 190=25b 191=192 193=260 194=263 196=269 \
    197=268 198=199 19c=26f 19d=272 19f=275 1a0-1a4/2=1a1 1a6=280 1a7=1a8 1a9=283 1ac=1ad 1ae=288 1af=1b0 \
    1b1-1b2=28a 1b3-1b5/2=1b4 1b7=292 1b8=1b9 1bc=1bd 1c4=1c6 1c5=1c6 1c7=1c9 1c8=1c9 1ca=1cc 1cb-1db/2=1cc \
    1de-1ee/2=1df 1f1=1f3 1f2-1f4/2=1f3 1f6=195 1f7=1bf 1f8-21e/2=1f9 220=19e 222-232/2=223 23a=2c65 23b=23c 23d=19a \
    23e=2c66 241=242 243=180 244=289 245=28c 246-24e/2=247 370-372/2=371 376=377 37f=3f3 386=3ac 388-38a=3ad 38c=3cc \
    38e-38f=3cd 391-3a1=3b1 3a3-3ab=3c3 3cf=3d7 3d8-3ee/2=3d9 3f4=3b8 3f7=3f8 3f9=3f2 3fa=3fb 3fd-3ff=37b \
    400-40f=450 410-42f=430 460-480/2=461 48a-4be/2=48b 4c0=4cf 4c1-4cd/2=4c2 4d0-52e/2=4d1 531-556=561 \
    10a0-10c5=2d00 10c7=2d27 10cd=2d2d 13a0-13ef=ab70 13f0-13f5=13f8 1c89=1c8a 1c90-1cba=10d0 1cbd-1cbf=10fd \
    1e00-1e94/2=1e01 1e9e=df 1ea0-1efe/2=1ea1 1f08-1f0f=1f00 1f18-1f1d=1f10 1f28-1f2f=1f20 1f38-1f3f=1f30 \
    1f48-1f4d=1f40 1f59-1f5f/2=1f51 1f68-1f6f=1f60 1f88-1f8f=1f80 1f98-1f9f=1f90 1fa8-1faf=1fa0 1fb8-1fb9=1fb0 \
    1fba-1fbb=1f70 1fbc=1fb3 1fc8-1fcb=1f72 1fcc=1fc3 1fd8-1fd9=1fd0 1fda-1fdb=1f76 1fe8-1fe9=1fe0 1fea-1feb=1f7a \
    1fec=1fe5 1ff8-1ff9=1f78 1ffa-1ffb=1f7c 1ffc=1ff3 2126=3c9 212a=6b 212b=e5 2132=214e 2160-216f=2170 2183=2184 \
    24b6-24cf=24d0 2c00-2c2f=2c30 2c60=2c61 2c62=26b 2c63=1d7d 2c64=27d 2c67-2c6b/2=2c68 2c6d=251 2c6e=271 2c6f=250 \
    2c70=252 2c72=2c73 2c75=2c76 2c7e-2c7f=23f 2c80-2ce2/2=2c81 2ceb-2ced/2=2cec 2cf2=2cf3 a640-a66c/2=a641 \
    a680-a69a/2=a681 a722-a72e/2=a723 a732-a76e/2=a733 a779-a77b/2=a77a a77d=1d79 a77e-a786/2=a77f a78b=a78c \
    a78d=265 a790-a792/2=a791 a796-a7a8/2=a797 a7aa=266 a7ab=25c a7ac=261 a7ad=26c a7ae=26a a7b0=29e a7b1=287 \
    a7b2=29d a7b3=ab53 a7b4-a7c2/2=a7b5 a7c4=a794 a7c5=282 a7c6=1d8e a7c7-a7c9/2=a7c8 a7cb=264 a7cc-a7da/2=a7cd \
    a7dc=19b a7f5=a7f6 ff21-ff3a=ff41 10400-10427=10428 104b0-104d3=104d8 10570-1057a=10597 1057c-1058a=105a3 \
    1058c-10592=105b3 10594-10595=105bb 10c80-10cb2=10cc0 10d50-10d65=10d70 118a0-118bf=118c0 16e40-16e5f=16e60 \
    16ea0-16eb8=16ebb 1e900-1e921=1e922
    """
}
