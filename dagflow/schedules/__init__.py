"""When schedules are due. Pure: instants in, instants out."""
