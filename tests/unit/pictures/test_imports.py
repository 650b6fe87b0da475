import subprocess
import sys


def test_pictures_know_the_bridge_and_no_other_package_of_ours() -> None:
    program = (
        "import sys, inference_pictures.decode; "
        "names = {name.partition('.')[0] for name in sys.modules}; "
        "print(sorted(name for name in names if name.startswith(('mnist_', 'inference_')) or name == 'torch'))"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert answer.stdout.strip() == "['inference_bridge', 'inference_pictures']"
