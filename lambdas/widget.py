"""The entry point of the dashboard's custom widget: the board, as CloudWatch shows it.

Event: as CloudWatch sends it (`runwatch.core.board.widget_event`). Answer: the page's HTML; for `{"describe": true}`
the documentation of the widget's parameters, in Markdown. Whatever comes, the answer is a page that says what is so.
"""

import gc

gc.set_threshold(200_000)  # A start makes no garbage: to look for some every 700 objects takes a tenth of it.

from aws_lambda_powertools.utilities.typing import LambdaContext

from runwatch.core.board.cloudwatch import CloudWatchActions
from runwatch.core.board.surroundings import Surroundings
from runwatch.core.board.widget_event import DOCUMENTATION, WidgetEvent
from runwatch.wiring import logger
from runwatch.wiring_of_board import wired_board


@logger.inject_lambda_context
def handle(event: object, context: LambdaContext) -> str:
    said = WidgetEvent.of(event)
    if said.is_describing:
        return DOCUMENTATION
    around = Surroundings(said.theme, CloudWatchActions(context.invoked_function_arn), said.timezone)
    return wired_board().page(said.asked, around)
