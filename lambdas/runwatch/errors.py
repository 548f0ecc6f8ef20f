class BadSettings(Exception):
    pass
