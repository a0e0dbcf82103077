"""The report: one page for people, the same in Markdown, and the plots as files.

kit.report.page.inputs    what the page is made of: a study and what its records say beside
kit.report.page.report    `report_of(inputs, title)`: the texts of all files
"""
