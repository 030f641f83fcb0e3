"""The platform's stack lies in the folder beside this one; in another repository, test against its cdk.tf.json."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "platform"))
