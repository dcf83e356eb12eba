class Storage(ABC):
    @abstractmethod
    async def append(self, batch):
        raise NotImplementedError
