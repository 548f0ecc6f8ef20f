"""The board: one page for people, made of text. Parameters in, HTML and SVG out, without a script.

surroundings  where the page is shown            cloudwatch   how it is clicked on a CloudWatch dashboard
asked         what somebody wants to see         rows         runs beside what is usual, what they cost, their alerts
runs_view     all runs, in a table               run_view     one run, in full
past          what a run went through            timeline     the same as a drawing
bar           how long it runs, beside others    axis         where moments are on a drawing
markup        text that becomes HTML             look         colours and sizes
silencing     what a click silences              frame        what stands around every view
widget_event  what CloudWatch sends
"""
