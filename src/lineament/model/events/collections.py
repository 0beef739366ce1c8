"""Events of collections that programs of others use. A subject is named by its id: names are erased, entries stay."""

from __future__ import annotations

from lineament.model.actions import Action
from lineament.model.events.base import Event


class CollectionRead(Event, action=Action.COLLECTION_READ):
    """A program read which faces or subjects a collection has."""

    source: str
    faces: int = 0
    subjects: int = 0


class FacesNamed(Event, action=Action.FACES_NAMED):
    """A program said what it calls faces, or whom they show; nothing that Lineament found out."""

    source: str
    faces: tuple[int, ...]
    subject: str | None  # its id; None: nobody


class SubjectAdded(Event, action=Action.SUBJECT_ADDED):
    """A program added a subject to a collection."""

    source: str
    subject: str


class SubjectRenamed(Event, action=Action.SUBJECT_RENAMED):
    """A program gave a subject another name."""

    source: str
    subject: str


class SubjectDescribed(Event, action=Action.SUBJECT_DESCRIBED):
    """A program changed what it says of a subject besides the name they are found by."""

    source: str
    subject: str


class CollectionDescribed(Event, action=Action.COLLECTION_DESCRIBED):
    """A program changed what it says of a collection besides the name it is found by."""

    source: str


class SubjectRemoved(Event, action=Action.SUBJECT_REMOVED):
    """A program deleted a subject; its faces are nobody's."""

    source: str
    subject: str
    faces: int


class FacesDetected(Event, action=Action.FACES_DETECTED):
    """A program asked where a picture shows faces; nothing of it was kept."""

    picture: str  # SHA-256
    faces: int
