"""What a visitor changes of prices and settings of costs."""

from __future__ import annotations

from pages.ui import data_costs, ordering

ORDERS = ordering.Orders("price", data_costs.forget)
"""Of the price book."""
SETTINGS = ordering.Orders("cost_settings", data_costs.forget)
"""Of the settings: what becomes of them is told where they are."""
