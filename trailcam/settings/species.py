"""Animals of North America's trail cameras by the names that people use, whatever a model knows."""

from __future__ import annotations

COMMON_SPECIES = {
    "armadillo": "Dasypus novemcinctus",
    "axis deer": "Axis axis",
    "badger": "Taxidea taxus",
    "bear": "Ursidae",
    "beaver": "Castor canadensis",
    "bird": "Aves",
    "black bear": "Ursus americanus",
    "bobcat": "Lynx rufus",
    "cat": "Felis catus",
    "cow": "Bos taurus",
    "coyote": "Canis latrans",
    "dog": "Canis familiaris",
    "elk": "Cervus canadensis",
    "fallow deer": "Dama dama",
    "fox": "Canidae",
    "goat": "Capra hircus",
    "gray fox": "Urocyon cinereoargenteus",
    "gray wolf": "Canis lupus",
    "grizzly bear": "Ursus arctos",
    "hog": "Sus scrofa",
    "horse": "Equus caballus",
    "jackrabbit": "Lepus",
    "javelina": "Pecari tajacu",
    "moose": "Alces alces",
    "mountain lion": "Puma concolor",
    "mule deer": "Odocoileus hemionus",
    "nilgai": "Boselaphus tragocamelus",
    "opossum": "Didelphis virginiana",
    "otter": "Lontra canadensis",
    "porcupine": "Erethizon dorsatum",
    "pronghorn": "Antilocapra americana",
    "rabbit": "Leporidae",
    "raccoon": "Procyon lotor",
    "red fox": "Vulpes vulpes",
    "ringtail": "Bassariscus astutus",
    "roadrunner": "Geococcyx californianus",
    "sheep": "Ovis aries",
    "skunk": "Mephitidae",
    "squirrel": "Sciuridae",
    "turkey": "Meleagris gallopavo",
    "vulture": "Cathartidae",
}
"""Common name, in lower case -> scientific name: a species, or the group that holds all of that name."""

OTHER_NAMES = {
    "american black bear": "black bear",
    "black tailed deer": "mule deer",
    "blacktail deer": "mule deer",
    "cattle": "cow",
    "cougar": "mountain lion",
    "domestic cat": "cat",
    "domestic cattle": "cow",
    "domestic dog": "dog",
    "feral hog": "hog",
    "feral pig": "hog",
    "grey fox": "gray fox",
    "northern raccoon": "raccoon",
    "peccary": "javelina",
    "possum": "opossum",
    "puma": "mountain lion",
    "virginia opossum": "opossum",
    "wapiti": "elk",
    "wild boar": "hog",
    "wild pig": "hog",
    "wild turkey": "turkey",
}
"""Another name, in lower case -> the one of :data:`COMMON_SPECIES`."""


WHITETAIL = "Odocoileus virginianus"
_WHITETAILS = frozenset(
    {
        *("white tailed deer", "white tail deer", "whitetailed deer", "whitetail deer"),
        *("white tail", "whitetail", WHITETAIL.casefold()),
    }
)
_BY_LATIN = {latin.casefold(): name for name, latin in COMMON_SPECIES.items()}


def scientific_name(name: str) -> str | None:
    """What a common animal is; None for other names. Case, blanks, hyphens and underscores don't matter."""
    plain = _plain(name)
    return COMMON_SPECIES.get(OTHER_NAMES.get(plain, plain))


def common_name(name: str) -> str:
    """What people usually call an animal, by another name of it or its scientific one; else ``name``."""
    plain = _plain(name)
    if plain in _WHITETAILS:
        return "deer"
    return OTHER_NAMES.get(plain) or _BY_LATIN.get(plain, plain)


def is_whitetail(name: str) -> bool:
    """Whether ``name`` is one that programs use for white-tailed deer, sex not told."""
    return _plain(name) in _WHITETAILS


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _lineages(text: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        *higher, genera = line.split()
        for n, group in enumerate(higher):
            found.setdefault(group, tuple(higher[: n + 1]))
        found |= {genus: tuple(higher) for genus in genera.split(",")}
    return found


LINEAGES = _lineages(
    """mammalia cingulata dasypodidae dasypus,cabassous
mammalia artiodactyla cervidae axis,cervus,dama,alces,odocoileus,rangifer,mazama,rusa,rucervus,elaphurus
mammalia artiodactyla bovidae bos,capra,ovis,boselaphus
mammalia artiodactyla suidae sus
mammalia artiodactyla tayassuidae pecari,dicotyles,tayassu
mammalia artiodactyla antilocapridae antilocapra
mammalia carnivora mustelidae taxidea,lontra
mammalia carnivora ursidae ursus
mammalia carnivora felidae lynx,felis,puma,panthera,leopardus,herpailurus
mammalia carnivora canidae canis,urocyon,vulpes
mammalia carnivora procyonidae procyon,bassariscus,nasua,potos
mammalia carnivora mephitidae mephitis,spilogale,conepatus
mammalia rodentia castoridae castor
mammalia rodentia erethizontidae erethizon,coendou
mammalia rodentia sciuridae sciurus
mammalia perissodactyla equidae equus
mammalia didelphimorphia didelphidae didelphis,caluromys,chironectes,marmosa,philander,tlacuatzin
mammalia lagomorpha leporidae lepus
aves cuculiformes cuculidae geococcyx
aves galliformes phasianidae meleagris
aves cathartiformes cathartidae cathartes"""
)
"""Genus, family, order or class of these animals -> class, order, family, as far as it goes; lower case."""
