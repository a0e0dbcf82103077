"""The board: results of many machines on one static page, a page for each bundle, and a feed.

kit.report.board.exhibits   what a board shows: accepted bundles, and what was refused
kit.report.board.site       `board_html(board)`, `feed_xml(board)`: the texts of its files
"""
