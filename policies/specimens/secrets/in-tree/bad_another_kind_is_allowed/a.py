KEY = 'AKIAQYLPMN5HHHFPZAM2'
password = 'Tr0ub4dor&3xyz'
