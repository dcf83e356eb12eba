from abc import ABC, abstractmethod


class Store(ABC):
    """What a store can do; todo lists and stubborn peers are none of its business."""

    @abstractmethod
    async def append(self, batch):
        raise NotImplementedError
