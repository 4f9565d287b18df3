"""The scheduled reorder job: tonight's purchase plan, proved, explained and written once."""
