"""Who people are, in plain pandas: a part of the definition in ``segmentation.batch``."""

from __future__ import annotations

import pandas as pd


def demographics(people: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Age, income, education, household and gender of each customer, by ``customer_id``."""
    known = people.set_index("customer_id")
    is_told = known["gender"] != ""
    return pd.DataFrame(
        {
            "age": as_of.year - known["birth_year"],
            "income_band": known["income_band"],
            "education": known["education"],
            "household_size": known["household_size"],
            "gender_female": (known["gender"] == "female").astype("float64").where(is_told),
            "gender_male": (known["gender"] == "male").astype("float64").where(is_told),
        }
    )
